"""Where a network trains changes nothing: on one device or many, in one process or several."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from tests.conftest import ROOT
from tests.training.on_devices import outcome


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What comes out on one device."""
    mesh = Mesh(np.array(jax.devices()[:1]).reshape(1, 1), ("data", "fsdp"))
    return outcome(mesh, tmp_path_factory.mktemp("one") / "1x1")


def outcomes(folder: Path, devices: int, processes: int, meshes: list[str]) -> dict[str, dict]:
    port = free_port()
    arguments = [
        [str(folder), str(devices), str(processes), str(index), str(port), *meshes]
        for index in range(processes)
    ]
    module = [sys.executable, "-m", "tests.training.on_devices"]
    finish([start([*module, *words]) for words in arguments])
    return {mesh: json.loads((folder / f"{mesh}.json").read_text()) for mesh in meshes}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def start(command: list[str]) -> subprocess.Popen:
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, env=environment)


def finish(running: list[subprocess.Popen], code: int = 0) -> list[tuple[str, str]]:
    said = [process.communicate(timeout=600) for process in running]
    assert [process.returncode for process in running] == [code] * len(running), said
    return said


def assert_same(found: dict, expected: dict) -> None:
    """Losses to 1e-5, counts and right answers exactly."""
    for line, other in zip(found["lines"], expected["lines"], strict=True):
        for part in ("train", "val"):
            assert line[part]["n"] == other[part]["n"]
            assert line[part]["accuracy"] == other[part]["accuracy"]
            assert line[part]["loss"] == pytest.approx(other[part]["loss"], rel=1e-5)
    np.testing.assert_allclose(found["head"], expected["head"], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "devices", "shares"),
    [
        (1, 8, {"2x1": 1.0, "1x2": 0.56, "4x1": 1.0, "1x4": 0.34, "8x1": 1.0, "1x8": 0.23}),
        (2, 4, {"4x1": 1.0, "2x2": 0.56}),
        (4, 4, {"4x1": 1.0, "1x4": 0.34}),
    ],
)
def test_devices_and_processes_give_what_one_gives_and_share_the_state_with_fsdp(
    tmp_path: Path, one: dict, processes: int, devices: int, shares: dict[str, float]
):
    """The share of parameters, momentum and average together; arrays of a few numbers stay whole."""
    assert [line["val"]["n"] for line in one["lines"]] == [21, 21]  # no multiple of the batch
    for mesh, found in outcomes(tmp_path, devices, processes, list(shares)).items():
        assert_same(found, one)
        assert found["share"] == pytest.approx(shares[mesh], abs=0.02)


# ------------------------------------------------------------------------------ the whole command


def main(workdir: Path, *arguments: str) -> list[str]:
    sgd = ["--config.phases.all.optimizer=sgd", "--config.phases.all.learning_rate=0.001"]
    few = ["--config.batch_size=256"]  # fewer steps, in each of which processes wait for each other
    flags = ["--config=tests/configs/small.py", *sgd, *few, f"--workdir={workdir}", *arguments]
    return [sys.executable, "-m", "vitlab.main", *flags]


def of_two(workdirs: list[Path], *arguments: str) -> list[list[str]]:
    port = free_port()
    return [
        main(
            workdir, f"--coordinator=localhost:{port}", "--processes=2", f"--process={index}", *arguments
        )
        for index, workdir in enumerate(workdirs)
    ]


def losses(workdir: Path) -> list[float]:
    lines = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    return [line[part]["loss"] for line in lines for part in ("train", "val")]


@pytest.mark.slow
def test_a_job_of_two_processes_that_is_stopped_in_one_of_them_goes_on_on_another_mesh(tmp_path: Path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    finish([start(main(whole))])
    running = [start(command) for command in of_two([stopped] * 2, "--config.fsdp=2")]
    wait_for_lines(running[0], stopped / "log.jsonl", 4)
    running[1].send_signal(signal.SIGTERM)
    first, second = finish(running)
    assert "stopped and saved in phase all" in first[0]
    assert "2 x cpu of 2 processes, parameters over 2 of them" in first[0]
    assert [line for line in second[0].splitlines() if not line.startswith("[Gloo]")] == []
    ((said, _),) = finish([start(main(stopped, "--accept_changes"))])  # of one process, and fsdp=1
    assert "going on with all" in said
    assert len(losses(whole)) == 2 * 8
    np.testing.assert_allclose(losses(stopped), losses(whole), rtol=1e-5)
    for part in ("train", "val", "test"):
        one, other = (np.load(run / "predictions" / "all" / f"{part}.npz") for run in (whole, stopped))
        np.testing.assert_array_equal(one["ids"], other["ids"])


def wait_for_lines(process: subprocess.Popen, log: Path, count: int) -> None:
    while process.poll() is None and (not log.exists() or log.read_text().count("\n") < count):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)


@pytest.mark.slow
def test_a_workdir_that_is_not_the_same_for_all_is_refused_by_each(tmp_path: Path):
    said = finish([start(command) for command in of_two([tmp_path / "a", tmp_path / "b"])], code=2)
    assert all("do not share the folder" in errors for _, errors in said)


@pytest.mark.slow
def test_what_is_wrong_for_all_ends_all(tmp_path: Path):
    flags = ["--config.phases.all.trainable=('nothing/.*',)"]
    said = finish([start(command) for command in of_two([tmp_path / "run"] * 2, *flags)], code=2)
    assert all("unknown pattern of parameters" in errors for _, errors in said)


@pytest.mark.slow
def test_where_the_first_is_refused_the_others_end_at_once(tmp_path: Path):
    (tmp_path / "other.txt").write_text("mine")
    began = time.monotonic()
    first, second = finish([start(command) for command in of_two([tmp_path] * 2)], code=2)
    assert "holds no run, but other files (other.txt)" in first[1]
    assert "the first process of this job has ended" in second[1]
    assert time.monotonic() - began < 100


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--processes=2"], "all three are needed"),
        (["--coordinator=here:1", "--processes=2", "--process=2"], "name no process"),
        (["--coordinator=here", "--processes=2", "--process=0"], "is no HOST:PORT"),
    ],
)
def test_numbers_of_processes_that_cannot_be_are_refused(
    tmp_path: Path, flags: list[str], expected: str
):
    ((_, errors),) = finish([start(main(tmp_path / "run", *flags))], code=2)
    assert expected in errors
    assert len(errors.splitlines()) == 1
    assert not (tmp_path / "run").exists()
