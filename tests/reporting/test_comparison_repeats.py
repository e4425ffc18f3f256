"""What is left of a difference when the training is repeated: over seeds, folds, augmentation."""

from pathlib import Path

import numpy as np
import pytest

from tests.reporting.made_runs import (
    invented_split,
    make_run,
)
from tests.reporting.pages import compare
from vitlab.config import Split as SplitSettings
from vitlab.evaluation import compare_folds, load_predictions


def test_seeds_are_summed_up(compared, runs: Path):
    _, found, _ = compared
    rows = {row["figure"]: row for row in found["repeats"]}
    values = []
    for seed in range(3):
        saved = load_predictions(runs / f"cnn{seed}" / "predictions" / "train" / "test.npz")
        values.append(float((saved.answers == saved.labels).mean()))
    row = rows["accuracy"]
    assert row["models"] == ["cnn0", "cnn1", "cnn2"]
    assert row["values"] == values
    assert row["mean"] == pytest.approx(np.mean(values))
    assert row["variance"] == pytest.approx(np.var(values, ddof=1))
    half = 4.302652729911275 * np.std(values, ddof=1) / np.sqrt(3)  # t of 2 degrees of freedom
    assert row["mean_interval"] == pytest.approx([np.mean(values) - half, np.mean(values) + half])


def test_augmentation_is_held_against_the_same_model_without_it(compared):
    _, found, _ = compared
    (row,) = found["augmentation"]
    assert (row["without"], row["with"]) == ("cnn0", "flip")
    assert row["difference"] == pytest.approx(row["accuracy_with"] - row["accuracy_without"])
    low, high = row["difference_interval"]
    assert low < row["difference"] < high


def test_folds_are_pooled_and_tested_by_nadeau_and_bengio(tmp_path: Path):
    """Five folds of two networks: each image is answered once, by the model that had not seen it."""
    whole = invented_split(["a", "b", "c"], 100)
    order = np.random.default_rng(0).permutation(200)
    paths = []
    values: dict[str, list[float]] = {"good": [], "poor": []}
    for fold in range(5):
        part = np.full(200, "train", object)
        part[order[fold * 40 : fold * 40 + 40]] = "test"
        part[order[(fold * 40 + 40) % 200 : (fold * 40 + 40) % 200 + 40]] = "val"
        split = type(whole)(whole.table, tuple(part))
        for chance, (name, accuracy) in enumerate((("good", 0.93), ("poor", 0.6))):
            path = tmp_path / f"{name}_fold{fold}"
            settings = SplitSettings(folds=5, fold=fold)
            make_run(
                path, split, {"t": accuracy}, chance=10 * fold + chance, network=name, settings=settings
            )
            paths.append(path)
            saved = load_predictions(path / "predictions" / "t" / "test.npz")
            values[name].append(float((saved.answers == saved.labels).mean()))
    page, found = compare(paths, tmp_path / "out")
    assert [row["model"] for row in found["models"]] == ["good_fold (5 folds)", "poor_fold (5 folds)"]
    assert found["n"] == 200
    (row,) = found["fold_tests"]
    expected = compare_folds(values["good"], values["poor"], 40, 120)
    assert row["difference"] == pytest.approx(expected.difference)
    assert row["p"] == pytest.approx(expected.p)
    assert row["difference_interval"] == pytest.approx(expected.interval)
    assert row["better"] == "good_fold (5 folds)"
    assert [row["values"] for row in found["folds"] if row["figure"] == "accuracy"] == [*values.values()]
    assert "table-fold_tests" in page.tables
