"""The command that trains a population: what it leaves behind, and what it refuses."""

import csv
import dataclasses
import json
import math
from pathlib import Path
from statistics import stdev, variance
from typing import Any

import numpy as np
import pytest

from tests.conftest import vitlab
from vitlab import config
from vitlab.data import read_split
from vitlab.errors import InputError
from vitlab.population_settings import Grid, Setting, check_grid, varied
from vitlab.population_tables import say_tables

GRID = Grid((0, 1), 3, (1e-2,), (0.0,), (0, 4), (0.0,))
CONFIG = config.Config(
    model=config.Model(name="vit"), phases={"head": config.Phase(trainable=("head/.*",), epochs=2)}
)
SMALL = "--config=tests/configs/small.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Two seeds, three folds and two sizes on some digits; the folder, and what was said."""
    workdir = tmp_path_factory.mktemp("population") / "out"
    result = vitlab(
        "population",
        SMALL,
        f"--workdir={workdir}",
        *("--seeds=2", "--folds=3", "--hidden=0,4", "--config.dataset.per_class=12"),
        *("--config.phases.head.views=0", "--config.phases.head.augmentation.rotation=0"),
    )
    assert result.returncode == 0, result.stderr
    return workdir, result.stdout


def rows_of(workdir: Path) -> list[dict[str, str]]:
    with open(workdir / "members.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_combination_is_a_row_with_its_scores(run):
    workdir, _ = run
    rows = rows_of(workdir)
    found = {(int(row["seed"]), int(row["fold"]), int(row["hidden"])) for row in rows}
    assert len(rows) == len(found) == len(GRID) == 12
    assert {seed for seed, *_ in found} == {0, 1}
    assert {int(row["parameters"]) for row in rows} == {32 * 10 + 10, 32 * 4 + 4 + 4 * 10 + 10}
    members = json.loads((workdir / "population.json").read_text())["members"]
    for row, member in zip(rows, members, strict=True):
        assert len(member["history"]) == int(row["epochs"]) == 3
        best = member["history"][int(row["best_epoch"]) - 1]["val"]
        assert best["accuracy"] == pytest.approx(float(row["val_accuracy"]), abs=1e-6)
        assert best["loss"] == pytest.approx(float(row["val_loss"]), abs=1e-5)


def test_every_image_is_the_test_of_one_fold_and_the_saved_answers_give_the_scores(run):
    workdir, _ = run
    rows, tested = rows_of(workdir), []
    for fold in range(3):
        split = read_split(workdir / "splits" / f"{fold}.csv")
        with np.load(workdir / "predictions" / f"{fold}.npz", allow_pickle=False) as kept:
            assert kept["logits"].shape == (4, len(kept["ids"]), 10)
            assert set(kept["ids"]) == {split.table.ids[row] for row in split.rows("test")}
            tested += kept["ids"].tolist()
            right = (kept["logits"].argmax(-1) == kept["labels"]).mean(axis=1)
            for member, accuracy in zip(kept["members"], right, strict=True):
                assert float(rows[member]["test_accuracy"]) == pytest.approx(accuracy)
                assert int(rows[member]["fold"]) == fold
    assert len(tested) == len(set(tested)) == 120


def test_the_table_has_mean_deviation_and_variance_of_each_setting(run):
    """Row S2-17."""
    workdir, said = run
    lines = [line.split() for line in said.splitlines()]
    for hidden in ("0", "4"):
        test = [float(row["test_accuracy"]) for row in rows_of(workdir) if row["hidden"] == hidden]
        (line,) = [line for line in lines if line[:1] == [hidden] and line[4:5] == ["6"]]
        figures = f"{sum(test) / 6:.4f} {stdev(test):.4f} {variance(test):.6f}"
        assert line[6:] == figures.split()


def test_a_folder_that_holds_something_is_left_alone(run):
    result = vitlab("population", SMALL, f"--workdir={run[0]}")
    assert result.returncode == 2
    assert "holds something already; choose a new --workdir" in result.stderr


def test_a_wrong_flag_is_answered_without_jax(without_jax, tmp_path: Path):
    result = vitlab("population", SMALL, f"--workdir={tmp_path / 'w'}", "--hidden=1.5", **without_jax)
    assert result.returncode == 2
    assert "--hidden is '1.5'; it must be whole numbers" in result.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": 2}, "--folds is 2; it must be 3 to 100"),
        ({"learning_rates": (0.0,)}, "--learning_rates has 0; it must be above 0"),
        ({"learning_rates": (math.inf,)}, "--learning_rates has inf; it must be above 0"),
        ({"weight_decays": (-1.0,)}, "--weight_decays has -1; it must be from 0"),
        ({"hidden": (0, -3)}, "--hidden has -3; it must be from 0"),
        ({"dropouts": (1.0,)}, "--dropouts has 1; it must be from 0 to below 1"),
        ({"seeds": (2**32,)}, "seeds are below 2"),
        ({"seeds": tuple(range(20_000))}, "these are 120,000 heads"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(changes: dict[str, Any], message: str):
    check_grid(GRID, CONFIG)
    with pytest.raises(InputError, match=message):
        check_grid(dataclasses.replace(GRID, **changes), CONFIG)


def test_folds_and_a_split_that_is_given_exclude_each_other():
    given = dataclasses.replace(CONFIG, split=config.Split(file="split.csv"))
    with pytest.raises(InputError, match=r"--folds draws the split; leave out split\.file"):
        check_grid(GRID, given)
    check_grid(dataclasses.replace(GRID, folds=0), given)


def test_the_best_setting_on_the_validation_part_comes_first(capsys):
    """Even where another is better on the test part."""
    settings = (Setting(0, 0.0, 1e-2, 0.0), Setting(4, 0.5, 1e-3, 0.0))
    rows = [
        dataclasses.asdict(setting)
        | {"seed": seed, "fold": 0, "val_accuracy": val, "test_accuracy": test, "diverged": False}
        for setting, val, test in zip(settings, (0.6, 0.7), (0.9, 0.5), strict=True)
        for seed in (0, 1)
    ]
    say_tables(rows, varied(dataclasses.replace(GRID, folds=0)))
    said = capsys.readouterr().out.splitlines()
    first, second = said[4:6]
    assert first.split()[:6] == ["4", "0.5", "0.001", "0", "2", "0.7000"]
    assert second.split()[:6] == ["0", "0", "0.01", "0", "2", "0.6000"]
