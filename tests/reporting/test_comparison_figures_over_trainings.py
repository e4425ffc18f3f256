"""Figures other than the accuracy, tested over seeds and over folds; what else it would take."""

import csv
from pathlib import Path

import pytest

from tests.reporting.made_runs import (
    digits_split,
    make_run,
    over_folds,
    seeded,
    with_augmentation,
)
from tests.reporting.pages import compare
from vitlab.data import Split
from vitlab.evaluation import compare_folds, load_predictions, measured, seed_test
from vitlab.evaluation.calibration import cross_entropy


def test_over_seeds_each_figure_is_tested_with_a_correction_of_its_own(tmp_path: Path):
    paths = [
        path
        for name, chance in (("cnn", 0.6), ("vit", 0.9), ("mlp", 0.88))
        for path in seeded(tmp_path, name, [chance, chance + 0.03, chance])
    ]
    page, found = compare(paths, tmp_path / "out", tested=("macro.f1", "loss"))
    rows = {(row["figure"], row["first"], row["second"]): row for row in found["seed_tests"]}
    assert len(rows) == 9
    assert found["tested"]["seeds"] == {"accuracy": 3, "macro.f1": 3, "loss": 3}
    recipes = []
    for name in ("cnn", "vit"):
        saved = [
            load_predictions(path / "predictions/t/test.npz") for path in paths if name in path.name
        ]
        recipes.append(measured(dict(enumerate(saved)), ["macro.f1", "loss"], 0, 400, name))
    for figure in ("macro.f1", "loss"):
        row = rows[figure, "cnn (3 seeds)", "vit (3 seeds)"]
        expected = seed_test(recipes[0][figure], recipes[1][figure])
        assert row["p"] == pytest.approx(expected.p)
        assert row["difference"] == pytest.approx(expected.difference)
        assert row["p"] < row["p_corrected"] <= 3 * row["p"]
        assert (row["p_corrected"] <= 0.05) == (row["better"] == "vit (3 seeds)")
        assert row["statement"] in page.words
        (pair,) = [
            pair
            for pair in found["pairs"]
            if (pair["figure"], pair["first"], pair["second"])
            == (figure, "cnn (3 seeds)", "vit (3 seeds)")
        ]
        assert {key: row[key] for key in pair if key in row} == {
            key: pair[key] for key in pair if key in row
        }
        drawing = (tmp_path / "out/figures" / f"differences_{figure.replace('.', '_')}.svg").read_text()
        assert drawing.count("<circle") == 3
    with (tmp_path / "out/tables/seed_tests.csv").open(newline="") as file:
        saved_rows = list(csv.DictReader(file))
    assert [row["figure"] for row in saved_rows] == ["accuracy"] * 3 + ["macro F1"] * 3 + ["loss"] * 3
    assert float(saved_rows[6]["mean_first"]) == found["seed_tests"][6]["mean_first"]
    titles, *cells = page.texts("seed_tests")
    means = [row[titles.index("mean of the first")] for row in cells]
    assert [text.endswith("%") for text in means] == [True] * 3 + [False] * 6


def test_over_folds_each_figure_is_tested_by_the_values_of_the_folds(tmp_path: Path):
    paths = over_folds(tmp_path, {"good": [0.9] * 5, "poor": [0.6] * 5})
    page, found = compare(paths, tmp_path / "out", tested=("loss",))
    values = [
        [
            cross_entropy(load_predictions(path / "predictions/t/test.npz"))
            for path in paths
            if path.name.startswith(name)
        ]
        for name in ("good", "poor")
    ]
    expected = compare_folds(values[0], values[1], 40, 120)
    of_accuracy, row = found["fold_tests"]
    assert (of_accuracy["figure"], row["figure"]) == ("accuracy", "loss")
    assert row["difference"] == pytest.approx(expected.difference)
    assert row["p"] == pytest.approx(expected.p)
    assert row["better"] == "good (5 folds)"  # a loss is the better the lower it is
    assert "good (5 folds) is better than poor (5 folds) by loss" in page.words
    assert [pair["figure"] for pair in found["pairs"]] == ["accuracy", "loss"]
    assert (tmp_path / "out/figures/differences_loss.svg").exists()


def test_where_nothing_is_established_page_and_terminal_say_what_it_would_take(tmp_path: Path, capsys):
    paths = seeded(tmp_path, "cnn", [0.8, 0.9, 0.85]) + seeded(tmp_path, "vit", [0.84, 0.95, 0.82])
    page, found = compare(paths, tmp_path / "seeds")
    row = found["seed_tests"][0]
    assert row["better"] is None
    assert row["needed_seeds"] > 3
    assert "seeds of each would be needed" in row["statement"]
    assert row["statement"] in page.words
    assert row["statement"] in capsys.readouterr().out
    assert "seeds needed" in page.texts("pairs")[0]
    paths = over_folds(tmp_path, {"one": [0.7] * 5, "other": [0.72, 0.7, 0.71, 0.7, 0.73]})
    page, found = compare(paths, tmp_path / "folds")
    row = found["fold_tests"][0]
    assert row["better"] is None
    low, high = row["difference_interval"]
    assert row["establishable"] > (high - low) / 2
    assert "would establish a difference of about" in row["statement"]
    assert row["statement"] in page.words


def test_of_two_folds_no_interval_says_what_cannot_be_and_page_and_terminal_say_why(
    tmp_path: Path, capsys
):
    paths = over_folds(tmp_path, {"one": [0.9, 0.6, 0.7, 0.7, 0.7], "other": [0.5, 0.9, 0.7, 0.7, 0.7]})
    page, found = compare([path for path in paths if path.name[-1] in "01"], tmp_path / "out")
    intervals = {row["figure"]: row["difference_interval"] for row in found["fold_tests"]}
    assert intervals["accuracy"] == [-1, 1]
    assert intervals["loss"][0] < -2
    assert found["fold_tests"][0]["establishable"] is None
    assert "would establish no difference at all" in found["fold_tests"][0]["statement"]
    (caution,) = found["cautions"]
    assert caution.startswith("2 folds tell nearly nothing of the spread")
    assert page.words.count(caution) == 1
    assert caution in capsys.readouterr().out


def test_intervals_of_means_stay_within_what_the_figure_can_be(tmp_path: Path):
    _, found = compare(seeded(tmp_path, "cnn", [0.99, 0.6, 0.97]), tmp_path / "out")
    intervals = {row["figure"]: row["mean_interval"] for row in found["repeats"]}
    assert intervals["accuracy"][1] == 1
    assert intervals["kappa"][1] == 1
    assert intervals["loss"][0] == 0
    (row,) = found["selection"]
    assert row["accuracy_interval"][1] == 1


def test_runs_of_another_split_are_no_seeds_of_the_same_recipe(tmp_path: Path, capsys):
    """With --intersect, where the training images set them apart as well."""
    split = digits_split(images=200)
    swapped = {"train": "val", "val": "train", "test": "test"}
    other = Split(split.table, tuple(swapped[part] for part in split.parts))
    paths = [
        make_run(tmp_path / f"a{seed}", chosen, {"t": 0.8}, chance=seed, seed=seed)
        for seed, chosen in enumerate((split, split, split, other))
    ]
    flip = with_augmentation(flip=True)
    paths.append(make_run(tmp_path / "flip", other, {"t": 0.9}, chance=9, seed=0, phase=flip))
    page, found = compare(paths, tmp_path / "out", intersect=True)
    assert found["repeats"][0]["models"] == ["a0", "a1", "a2"]
    assert {row["model"] for row in found["selection"]} == {"a (3 seeds)", "a3", "flip"}
    assert found["augmentation"] == []  # a3 has another seed, and the others another split
    assert "Models of other splits are not among them" in page.words
    assert "a (4 seeds)" not in capsys.readouterr().out
    plain = make_run(tmp_path / "plain", split, {"t": 0.7}, chance=4, seed=0, network="vgg")
    turned = make_run(
        tmp_path / "turned", split, {"t": 0.9}, chance=5, seed=0, network="vgg", phase=flip
    )
    _, found = compare([plain, turned], tmp_path / "same", intersect=True)
    assert [(row["without"], row["with"]) for row in found["augmentation"]] == [("plain", "turned")]


def test_the_same_seeds_of_one_network_are_paired_and_those_of_two_are_not(tmp_path: Path):
    split, flip = digits_split(), with_augmentation(flip=True)
    paths: list[Path] = []
    for name, network, phase in (("plain", "vit", None), ("flip", "vit", flip), ("vgg", "vgg", None)):
        for seed, chance in enumerate((0.7, 0.72, 0.74)):
            path, number = tmp_path / f"{name}_seed{seed}", len(paths)
            given = {"t": chance}
            made = make_run(path, split, given, chance=number, seed=seed, network=network, phase=phase)
            paths.append(made)
    page, found = compare(paths, tmp_path / "out", tested=())
    tests = {(row["first"], row["second"]): row for row in found["seed_tests"]}
    plain, flipped, vgg = (f"{name} (3 seeds)" for name in ("plain", "flip", "vgg"))
    assert tests[plain, flipped]["test"] == "paired by seed"
    assert tests[plain, vgg]["test"] == tests[flipped, vgg]["test"] == "Welch's"
    assert "where both are of one network with the same seeds" in page.words
    drawing = (tmp_path / "out/figures/accuracy.svg").read_text()
    assert drawing.count("<circle") == 12  # of nine models, and three means
    assert drawing.index(f"mean of {plain}") < drawing.index("plain_seed0") < drawing.index(flipped)
