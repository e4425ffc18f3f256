"""What is left of a difference when the training is repeated: over seeds, folds, augmentation."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.reporting.made_runs import (
    digits_split,
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


def seeded(folder: Path, name: str, chances: list[float]) -> list[Path]:
    """A run for each seed, of one recipe, as accurate as given."""
    split = digits_split()
    return [
        make_run(folder / f"{name}{seed}", split, {"t": chance}, chance=seed, seed=seed, network=name)
        for seed, chance in enumerate(chances)
    ]


def test_two_recipes_are_tested_over_their_seeds(tmp_path: Path):
    paths = seeded(tmp_path, "cnn", [0.6, 0.66, 0.63, 0.61]) + seeded(
        tmp_path, "vit", [0.9, 0.93, 0.9, 0.91]
    )
    page, found = compare(paths, tmp_path / "out")
    values = {
        name: [row["accuracy"] for row in found["figures"] if row["model"].startswith(name)]
        for name in ("cnn", "vit")
    }
    (row,) = found["seed_tests"]
    expected = stats.ttest_rel(values["vit"], values["cnn"])
    assert row["p"] == pytest.approx(expected.pvalue)
    assert (row["better"], row["test"]) == ("vit (4 seeds)", "paired by seed")
    assert row["difference_interval"] == pytest.approx(tuple(expected.confidence_interval()))
    text = " ".join("".join(page.text).split())
    assert row["statement"] in text
    assert "nothing of other images" in text
    assert [pair["statement"] for pair in found["verdicts"]] == [row["statement"]]


def test_the_best_of_several_seeds_is_neither_chosen_nor_called_better(tmp_path: Path):
    """One lucky seed of a recipe beats the single run of another; the recipe does not."""
    paths = seeded(tmp_path, "cnn", [0.5, 0.99, 0.5, 0.5, 0.5]) + seeded(tmp_path, "vit", [0.8])
    page, found = compare(paths, tmp_path / "out")
    best = max(found["figures"], key=lambda row: row["accuracy"])
    assert best["model"] == "cnn1"
    chosen, other = found["selection"]
    assert (chosen["model"], other["model"]) == ("vit0", "cnn (5 seeds)")
    assert other["accuracy"] == pytest.approx(
        np.mean([row["accuracy"] for row in found["figures"] if row["model"].startswith("cnn")])
    )
    assert (other["against_chosen"], other["highest"]) == ("not established", best["accuracy"])
    (told,) = found["verdicts"]
    assert "of 5 pairs of trainings, cnn (5 seeds) is better in 1 and vit0 in 4" in told["statement"]
    text = " ".join("".join(page.text).split())
    assert "cnn1 is better" not in text
    assert "the best of several seeds is no better model" in text


def test_seeds_of_one_recipe_are_not_held_against_each_other(tmp_path: Path):
    page, found = compare(seeded(tmp_path, "cnn", [0.5, 0.99, 0.7]), tmp_path / "out")
    assert found["pairs"] == found["verdicts"] == []
    text = " ".join("".join(page.text).split())
    assert "what sets them apart is chance" in text
    assert "in the mean of 3 seeds" in text


def test_the_same_seed_again_is_another_model(tmp_path: Path):
    """Something that no config says, such as another version, sets the two apart."""
    split = digits_split()
    paths = [make_run(tmp_path / name, split, {"t": 0.8}, chance=i) for i, name in enumerate("ab")]
    _, found = compare(paths, tmp_path / "out")
    assert [row["seeds"] for row in found["selection"]] == [1, 1]
    assert len(found["verdicts"]) == 1
