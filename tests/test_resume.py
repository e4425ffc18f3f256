"""A run that was killed and started again ends as if nothing had happened."""

import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.conftest import ROOT, UNOPTIMISED


@pytest.fixture(autouse=True)
def own_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed while it writes a compiled program leaves half of it to all others."""
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))


def command(workdir: Path, model: str) -> list[str]:
    config = f"--config=tests/configs/resume.py:{model}"
    return [sys.executable, "-m", "vitlab.main", config, f"--workdir={workdir}"]


def log_without_times(workdir: Path) -> list[dict]:
    lines = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "time"} for line in lines]


def run_killed(workdir: Path, model: str, kills: int) -> str:
    """Starts the run and kills it at a random moment, `kills` times, then lets it end: its output.

    Every other time it is killed wherever it may be, and else while it trains, however slow the
    machine is. Where it ends before all kills have come, it starts anew.
    """
    generator = random.Random(0)
    output = workdir.parent / "output.txt"
    with open(output, "w") as file:
        while kills:
            process = subprocess.Popen(command(workdir, model), cwd=ROOT, stdout=file)
            try:
                if kills % 2:
                    wait_for_epochs(process, workdir / "log.jsonl", generator.randrange(1, 4))
                process.wait(timeout=generator.uniform(0.0, 1.0 if kills % 2 else 9.0))
                assert process.returncode == 0
                shutil.rmtree(workdir)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills -= 1
        subprocess.run(command(workdir, model), cwd=ROOT, stdout=file, check=True)
    return output.read_text()


def wait_for_epochs(process: subprocess.Popen, log: Path, epochs: int) -> None:
    """Until so many lines more are in the log, or the run has ended."""

    def lines() -> int:
        return log.read_text().count("\n") if log.exists() else 0

    wanted = lines() + epochs
    while process.poll() is None and lines() < wanted:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "kills"), [("vit", 6), ("cnn", 2)])
def test_kills_at_random_moments_change_neither_a_parameter_nor_a_line_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, kills: int
):
    if model == "cnn":  # convolutions run longer than they compile
        monkeypatch.delenv(UNOPTIMISED.upper())
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole, model), cwd=ROOT, check=True)
    output = run_killed(killed, model, kills)
    assert "going on with" in output, "no kill came while a phase was training"
    assert_equal(killed, whole)


def assert_equal(killed: Path, whole: Path) -> None:
    assert log_without_times(killed) == log_without_times(whole)
    for phase in ("head", "all"):
        expected = load_file(whole / "model" / phase / "weights.safetensors")
        found = load_file(killed / "model" / phase / "weights.safetensors")
        assert found.keys() == expected.keys()
        assert all((found[name] == expected[name]).all() for name in expected)
    assert (killed / "metrics.json").read_text() == (whole / "metrics.json").read_text()


@pytest.mark.slow
def test_a_stop_saves_and_ends_well_and_the_run_goes_on_from_there(tmp_path: Path):
    """As a pre-emptible machine sends it, and a terminal that closes. Checkpoints by time would come
    once an hour."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    rarely = "--config.checkpoint_seconds=3600"
    subprocess.run([*command(whole, "vit"), rarely], cwd=ROOT, check=True)
    for number, epochs in ((signal.SIGTERM, 5), (signal.SIGHUP, 3)):
        process = subprocess.Popen(
            [*command(stopped, "vit"), rarely],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            # Whoever runs the tests may ignore it, which the run would inherit.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509
        )
        wait_for_epochs(process, stopped / "log.jsonl", epochs)
        process.send_signal(number)
        output, _ = process.communicate()
        assert process.returncode == 0
        assert "stopped and saved in phase all after" in output
        assert "run the same command again to go on" in output.splitlines()[-1]
        page = (stopped / "report.html").read_text()
        assert "The run was stopped. The same command goes on with it." in page
        assert 'http-equiv="refresh"' not in page
    output = subprocess.run(
        [*command(stopped, "vit"), rarely], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert "going on with all after" in output
    assert_equal(stopped, whole)
