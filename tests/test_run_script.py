"""`run.sh` says what it cannot do before it installs anything."""

import os
import subprocess
from pathlib import Path

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
    commands = "no argument at all, test, main, evaluate, dataset, convert or summary"
    assert result.stderr == f"run.sh: trian is no command; use {commands}\n"
    assert not (tmp_path / "venv").exists()


def test_without_a_fitting_python_it_says_which_it_needs(tmp_path: Path):
    result = run_script(VITLAB_VENV=str(tmp_path / "venv"), PYTHON="/bin/false")
    assert result.returncode == 2
    assert "vitlab needs Python 3.11 or newer, and there is none among: /bin/false" in result.stderr
    assert not (tmp_path / "venv").exists()
