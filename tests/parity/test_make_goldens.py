"""The script that makes the goldens: what it keeps, and how it ends. It needs no framework for that."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.parity import make_goldens
from tests.parity.cases import CASES
from tests.parity.make_goldens import Comparison

GOLDEN = {"224": np.ones((2, 3), np.float32)}
RIGHT = {"logits 224": 1e-6, "features 224": 1e-6, "training 224": 5e-5, "moved 224": 8e-4}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(make_goldens, "GOLDENS", tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, comparison: Comparison, *, writes: bool) -> int:
    monkeypatch.setattr(make_goldens, "compare", lambda case, seed: comparison)
    return make_goldens.compare_all(CASES[:1], 3, writes=writes)


def test_a_case_that_agrees_is_written_only_when_that_is_asked(folder: Path, monkeypatch):
    agrees = Comparison(RIGHT, 0.1, GOLDEN)
    assert run(monkeypatch, agrees, writes=False) == 0
    assert not list(folder.iterdir())
    assert run(monkeypatch, agrees, writes=True) == 0
    with np.load(folder / f"{CASES[0].name}.npz") as written:
        np.testing.assert_array_equal(written["224"], GOLDEN["224"])


@pytest.mark.parametrize(
    ("differences", "seen", "message"),
    [
        (RIGHT | {"logits 224": 2e-4}, 0.1, "logits 224 differ by 2.0e-04, more than 0.0001"),
        (RIGHT | {"training 224": float("nan")}, 0.1, "training 224 differ by nan"),
        (RIGHT | {"moved 224": 2e-3}, 0.1, "moved 224 differ by 2.0e-03, more than 0.001"),
        (RIGHT, 1e-5, "the image changes only 1.0e-05 of the logits"),
    ],
)
def test_a_case_that_fails_is_named_and_overwrites_nothing(
    folder: Path, monkeypatch, capsys, differences: dict, seen: float, message: str
):
    kept = folder / f"{CASES[0].name}.npz"
    kept.write_bytes(b"as it was")
    assert run(monkeypatch, Comparison(differences, seen, GOLDEN), writes=True) == 1
    assert f"{CASES[0].name}: {message}" in capsys.readouterr().err
    assert kept.read_bytes() == b"as it was"


@pytest.mark.parametrize("how", [["-m", "tests.parity.make_goldens"], ["tests/parity/make_goldens.py"]])
def test_a_name_that_no_case_has_is_an_error_as_a_module_and_as_a_script(how: list[str]):
    command = [sys.executable, *how, "--seed=1", "--only=resnet51"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "unknown case 'resnet51' (--only); " in result.stderr
    assert "resnet50-" in result.stderr
    assert len(result.stderr) < 300
