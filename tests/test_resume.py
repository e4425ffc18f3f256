"""A run that was killed and started again ends as if nothing had happened."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.conftest import ROOT

KILLS = 10


def command(workdir: Path, model: str) -> list[str]:
    config = f"--config={ROOT}/tests/configs/resume.py:{model}"
    return [sys.executable, "-m", "vitlab.main", config, f"--workdir={workdir}"]


def log_without_times(workdir: Path) -> list[dict]:
    lines = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "time"} for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["vit", "mobilenet_v2"])
def test_ten_kills_change_neither_a_parameter_nor_a_line_of_the_log(tmp_path: Path, model: str) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole, model), cwd=ROOT, check=True)
    generator = random.Random(0)
    kills = 0
    while kills < KILLS:
        process = subprocess.Popen(command(killed, model), cwd=ROOT)
        try:
            process.wait(timeout=generator.uniform(1.0, 9.0))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills == KILLS, "the run ended before it was killed ten times"
    subprocess.run(command(killed, model), cwd=ROOT, check=True)

    assert log_without_times(killed) == log_without_times(whole)
    for phase in ("head", "all"):
        expected = load_file(whole / "model" / phase / "weights.safetensors")
        found = load_file(killed / "model" / phase / "weights.safetensors")
        assert found.keys() == expected.keys()
        assert all((found[name] == expected[name]).all() for name in expected)
    assert (killed / "metrics.json").read_text() == (whole / "metrics.json").read_text()
