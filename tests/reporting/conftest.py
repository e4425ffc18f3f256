"""One comparison of six made runs, which many tests look at."""

from pathlib import Path
from typing import Any

import pytest

from tests.reporting.made_runs import digits_split, make_run, with_augmentation
from tests.reporting.pages import Page, compare


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks in two phases, one with three seeds, and one with augmentation."""
    folder = tmp_path_factory.mktemp("made")
    split = digits_split()
    make_run(folder / "mobile", split, {"head": 0.8, "finetune": 0.88}, chance=1, milliseconds=9)
    make_run(folder / "vit", split, {"head": 0.9, "finetune": 0.99}, chance=2, milliseconds=31)
    for seed in range(3):
        name = f"cnn{seed}"
        make_run(folder / name, split, {"train": 0.7}, chance=3 + seed, seed=seed, network="cnn")
    phase = with_augmentation(flip=True)
    make_run(folder / "flip", split, {"train": 0.75}, chance=9, network="cnn", phase=phase)
    return folder


@pytest.fixture(scope="session")
def compared(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, dict[str, Any], Path]:
    output = tmp_path_factory.mktemp("out") / "comparison"
    names = ("mobile", "vit", "cnn0", "cnn1", "cnn2", "flip")
    return *compare([runs / name for name in names], output), output
