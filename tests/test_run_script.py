"""`run.sh` says what it cannot do before it installs anything."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT


def run_script(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "run.sh"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_an_unknown_command_installs_nothing(tmp_path: Path):
    result = run_script("trian", VITLAB_VENV=str(tmp_path / "venv"))
    assert result.returncode == 2
    commands = "main, evaluate, compare, feasibility, find_rate, population, dataset, convert or summary"
    assert (
        result.stderr == f"run.sh: trian is no command; use no argument at all, test, tpu, {commands}\n"
    )
    assert not (tmp_path / "venv").exists()


def test_without_a_fitting_python_it_says_which_it_needs(tmp_path: Path):
    result = run_script(VITLAB_VENV=str(tmp_path / "venv"), PYTHON="/bin/false")
    assert result.returncode == 2
    assert "vitlab needs Python 3.11 or newer, and there is none among: /bin/false" in result.stderr
    assert not (tmp_path / "venv").exists()


@pytest.fixture
def gcloud(tmp_path: Path) -> Callable[..., list[list[str]]]:
    """Runs `run.sh tpu` with these arguments: what gcloud was asked for, call by call."""
    log, program = tmp_path / "asked.jsonl", tmp_path / "bin" / "gcloud"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f"open({str(log)!r}, 'a').write(json.dumps(sys.argv[1:]) + chr(10))\n"
    )
    program.chmod(0o755)

    def asked(*arguments: str) -> list[list[str]]:
        log.unlink(missing_ok=True)
        path = f"{program.parent}:{os.environ['PATH']}"
        result = run_script("tpu", *arguments, PATH=path)
        assert result.returncode == 0, result.stderr
        calls = [json.loads(line) for line in log.read_text().splitlines()]
        assert all(call[:3] == ["compute", "tpus", "tpu-vm"] for call in calls)
        return [call[3:] for call in calls]

    return asked


def test_a_tpu_is_created_run_on_by_all_workers_fetched_from_and_deleted(gcloud):
    (create,) = gcloud("create", "mine", "us-west4-a", "v5litepod-8", "v2-alpha-tpuv5-lite")
    assert create[:3] == ["create", "mine", "--zone=us-west4-a"]
    assert create[3:] == ["--accelerator-type=v5litepod-8", "--version=v2-alpha-tpuv5-lite"]
    copy, start = gcloud("run", "mine", "us-west4-a", "--config=configs/digits.py", "--workdir=/nfs/a b")
    assert copy[0] == "scp" and copy[2:] == ["mine:vitlab.tar.gz", "--zone=us-west4-a", "--worker=all"]
    assert start[:4] == ["ssh", "mine", "--zone=us-west4-a", "--worker=all"]
    assert start[4].endswith("./run.sh main --config=configs/digits.py --workdir=/nfs/a\\ b")
    assert gcloud("fetch", "mine", "us-west4-a", "runs/digits") == [
        ["scp", "--recurse", "mine:vitlab/runs/digits", "runs/", "--zone=us-west4-a", "--worker=0"]
    ]
    assert gcloud("delete", "mine", "us-west4-a") == [["delete", "mine", "--zone=us-west4-a"]]


def test_without_a_name_and_a_zone_the_ways_to_a_tpu_are_said():
    result = run_script("tpu", "create")
    assert result.returncode == 2
    assert "./run.sh tpu create NAME ZONE TYPE" in result.stderr
