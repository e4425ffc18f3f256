"""What is left of a difference when the training is repeated: over seeds, folds, augmentation."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.reporting.made_runs import (
    change_json,
    digits_split,
    make_run,
    over_folds,
    seeded,
)
from tests.reporting.pages import compare
from vitlab.config import Phase
from vitlab.errors import InputError
from vitlab.evaluation import (
    Predictions,
    compare_folds,
    fit_temperature,
    interval_of_trainings,
    load_predictions,
    measured,
    seed_test,
)
from vitlab.evaluation.calibration import ALL_RIGHT, cross_entropy
from vitlab.reporting import read_runs
from vitlab.reporting.tables import MINUS


def test_seeds_are_summed_up(compared, runs: Path):
    page, found, _ = compared
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
    told = [float(cells[-1].replace(MINUS, "-")) for cells in page.texts("repeats")[1:]]
    assert told == pytest.approx([one["variance"] for one in found["repeats"]], rel=5e-3)
    half = 4.302652729911275 * np.std(values, ddof=1) / np.sqrt(3)  # t of 2 degrees of freedom
    assert row["mean_interval"] == pytest.approx([np.mean(values) - half, np.mean(values) + half])


def test_seeds_are_one_dot_of_the_charts_of_costs_at_their_mean(compared):
    page, found, output = compared
    (row,) = [row for row in found["latency"] if row["model"] == "cnn (3 seeds)"]
    of_seeds = [one["accuracy"] for one in found["figures"] if one["model"].startswith("cnn")]
    assert row["accuracy"] == pytest.approx(np.mean(of_seeds))
    assert not {one["model"] for one in found["latency"]} & {"cnn0", "cnn1", "cnn2"}
    recipes = len(found["selection"])
    for name in ("latency", "training_time"):
        assert (output / "figures" / f"{name}.svg").read_text().count("<circle") == recipes
    assert page.words.count("Several seeds of a recipe are one dot, at their means") == 2


def test_the_seeds_of_a_recipe_are_told_where_there_are_several(compared):
    page, *_ = compared
    rows = {cells[2]: cells for cells in page.texts("selection")[1:]}
    assert rows["cnn (3 seeds)"][4] == "cnn0, cnn1, cnn2"
    assert [rows["flip"][place] for place in (4, -3, -2)] == ["–", "–", "–"]


def test_augmentation_is_held_against_all_seeds_of_the_recipe_without_it(compared):
    page, found, _ = compared
    (row,) = found["augmentation"]
    assert (row["without"], row["with"]) == ("cnn (3 seeds)", "flip")
    of_seeds = [one["accuracy"] for one in found["figures"] if one["model"].startswith("cnn")]
    assert row["accuracy_without"] == pytest.approx(np.mean(of_seeds))
    assert row["difference"] == pytest.approx(row["accuracy_with"] - row["accuracy_without"])
    assert row["statement"] in [told["statement"] for told in found["verdicts"]]
    assert not {pair["first"] for pair in found["pairs"]} & {"cnn0", "cnn1", "cnn2"}
    assert "cnn0 is better" not in " ".join(page.text)


def accuracy_of(path: Path) -> float:
    saved = load_predictions(path / "predictions" / "t" / "test.npz")
    return float((saved.answers == saved.labels).mean())


def test_folds_are_pooled_and_tested_by_nadeau_and_bengio(tmp_path: Path):
    """Five folds of two networks: each image is answered once, by the model that had not seen it."""
    paths = over_folds(tmp_path, {"good": [0.93] * 5, "poor": [0.6] * 5})
    values = {
        name: [accuracy_of(path) for path in paths if path.name.startswith(name)]
        for name in ("good", "poor")
    }
    page, found = compare(paths, tmp_path / "out")
    assert [row["model"] for row in found["models"]] == ["good (5 folds)", "poor (5 folds)"]
    assert found["n"] == 200
    row, *others = found["fold_tests"]
    assert [other["figure"] for other in others] == ["macro.f1", "loss"]
    expected = compare_folds(values["good"], values["poor"], 40, 120)
    assert row["difference"] == pytest.approx(expected.difference)
    assert row["p"] == pytest.approx(expected.p)
    assert row["difference_interval"] == pytest.approx(expected.interval)
    assert row["better"] == "good (5 folds)"
    assert [row["values"] for row in found["folds"] if row["figure"] == "accuracy"] == [*values.values()]
    assert "table-fold_tests" in page.tables
    (told,) = found["verdicts"]
    assert told["statement"] == row["statement"]
    assert told["statement"].startswith("Over 5 folds, 200 images in all, good (5 folds) is better than")
    assert found["missing_folds"] == []
    for row in found["calibration"]:
        files = [path / "predictions" / "t" for path in paths if path.name.startswith(row["model"][:4])]
        fitted = [fit_temperature(load_predictions(one / "val.npz")).value for one in files]
        tested = [load_predictions(one / "test.npz") for one in files]
        scaled = [cross_entropy(one.cooled(value)) for one, value in zip(tested, fitted, strict=True)]
        is_sound = "; of fold" not in row["note"]
        assert is_sound == row["model"].startswith("poor")
        assert row["temperature"] == (pytest.approx(np.mean(fitted)) if is_sound else None)
        assert row["loss_after"] == (pytest.approx(np.mean(scaled)) if is_sound else None)
    assert {row["best_epoch"] for row in found["models"]} == {None}  # each fold has its own
    assert "Epochs and times, in the drawing too, are the sums over all folds" in page.words
    assert "What other trainings would change is not in them" in page.words
    assert {row[2] for row in page.texts("folds")[1:]} == {"accuracy", "loss", "kappa", "macro F1"}


def test_a_fold_whose_temperature_means_little_is_named(tmp_path: Path):
    paths = over_folds(tmp_path, {"good": [0.7, 0.7, 1.0, 0.7, 0.7], "poor": [0.6] * 5})
    _, found = compare(paths, tmp_path / "out")
    good, poor = found["calibration"]
    assert good["note"].endswith(f"; of fold 2, {ALL_RIGHT}")
    assert "of fold" not in poor["note"]


def test_what_is_so_of_several_folds_is_said_once(tmp_path: Path):
    paths = over_folds(tmp_path, {"good": [1.0, 0.7, 1.0, 1.0, 0.7], "poor": [0.6] * 5})
    _, found = compare(paths, tmp_path / "out")
    assert found["calibration"][0]["note"] == (
        f"the mean of 5 folds, each of which is scaled by its own; of folds 0, 2, 3, {ALL_RIGHT}"
    )


def test_a_lucky_fold_makes_no_recipe_better_though_the_pooled_answers_would(tmp_path: Path):
    """Two folds of five are much better, the others the same: McNemar's test takes it for certain."""
    paths = over_folds(tmp_path, {"lucky": [0.99, 0.6, 0.6, 0.99, 0.6], "other": [0.6] * 5})
    answers = {}
    for name in ("lucky", "other"):
        of_all = [path for path in paths if path.name.startswith(name)]
        saved = [load_predictions(path / "predictions" / "t" / "test.npz") for path in of_all]
        answers[name] = np.concatenate([one.answers == one.labels for one in saved])
    gained, lost = (
        int((answers[one] & ~answers[other]).sum())
        for one, other in (("lucky", "other"), ("other", "lucky"))
    )
    assert stats.binomtest(gained, gained + lost).pvalue < 0.05
    page, found = compare(paths, tmp_path / "out")
    (told,) = found["verdicts"]
    assert told["better"] is None
    assert {row["against_chosen"] for row in found["selection"]} == {"chosen", "not established"}
    assert all(pair["better"] is None for pair in found["pairs"])
    assert "is better than" not in " ".join(" ".join(page.text).split())


def test_a_cross_validation_that_lacks_folds_says_so(tmp_path: Path, capsys):
    paths = over_folds(tmp_path, {"good": [0.9] * 5, "poor": [0.6] * 5})
    page, found = compare([path for path in paths if path.name[-1] in "013"], tmp_path / "out")
    assert [row["model"] for row in found["models"]] == [
        "good (3 of 5 folds)",
        "poor (3 of 5 folds)",
    ]
    assert found["missing_folds"] == [2, 4]
    text = " ".join("".join(page.text).split())
    assert "of its 5 folds no run is of 2, 4" in text
    assert "no run is of the folds 2, 4" in capsys.readouterr().out


def test_two_recipes_are_tested_over_their_seeds(tmp_path: Path):
    paths = seeded(tmp_path, "cnn", [0.6, 0.66, 0.63, 0.61]) + seeded(
        tmp_path, "vit", [0.9, 0.93, 0.9, 0.91]
    )
    page, found = compare(paths, tmp_path / "out")
    values = {
        name: [row["accuracy"] for row in found["figures"] if row["model"].startswith(name)]
        for name in ("cnn", "vit")
    }
    row, *others = found["seed_tests"]
    assert [other["figure"] for other in others] == ["macro.f1", "loss"]
    predictions: dict[str, dict[int, Predictions]] = {}
    for name in ("cnn", "vit"):
        of_seeds = [path / "predictions" / "t" / "test.npz" for path in paths if name in path.name]
        saved = [load_predictions(file) for file in of_seeds]
        predictions[name] = dict(enumerate(saved))
    cnn, vit = (measured(predictions[name], [], 0, 400, name)["accuracy"] for name in ("cnn", "vit"))
    expected = seed_test(cnn, vit)
    assert row["p"] == pytest.approx(expected.p)
    assert (row["better"], row["test"]) == ("vit (4 seeds)", "Welch's")
    assert row["difference_interval"] == pytest.approx(expected.interval)
    means = [row["mean_first"], row["mean_second"]]
    assert means == pytest.approx([np.mean(values["cnn"]), np.mean(values["vit"])])
    text = " ".join("".join(page.text).split())
    assert row["statement"] in text
    assert "other trainings and of other images like these" in text
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
    assert (other["against_chosen"], other["highest"]) == ("not tested", best["accuracy"])
    titles, first, second = page.texts("selection")
    shown = [cells[titles.index("made of")] for cells in (first, second)]
    assert shown == ["–", "cnn0, cnn1, cnn2, cnn3, cnn4"]  # vit0 is but itself
    (told,) = found["verdicts"]
    assert told["statement"].startswith(
        "The difference between cnn (5 seeds) and vit0 is not established: too few trainings (3 or more "
        "seeds of each are needed). Of 5 pairs of these trainings, cnn (5 seeds) is more accurate on "
        "these 200 images in 1 and vit0 in 4 (vit0 minus cnn (5 seeds): +"
    )
    assert told["difference"] == pytest.approx(chosen["accuracy"] - other["accuracy"])
    text = " ".join("".join(page.text).split())
    assert "cnn1 is better" not in text
    assert "the best of several seeds is no better model" in text


@pytest.mark.parametrize(("few", "many"), [(1, 3), (2, 2), (2, 4)])
def test_of_too_few_trainings_no_recipe_is_called_better_though_each_pair_differs(
    few: int, many: int, tmp_path: Path
):
    paths = seeded(tmp_path, "cnn", [0.5] * few) + seeded(tmp_path, "vit", [0.95] * many)
    _, found = compare(paths, tmp_path / "out")
    (told,) = found["verdicts"]
    assert (told["better"], told["p"], told["p_corrected"]) == (None, None, None)
    assert f"Of {few * many} pairs of these trainings" in told["statement"]
    assert "too few trainings" in told["statement"]
    assert found["cautions"] == []  # the verdict says it itself


def test_a_verdict_of_one_training_each_says_that_another_seed_can_turn_it(tmp_path: Path, capsys):
    paths = seeded(tmp_path, "cnn", [0.6]) + seeded(tmp_path, "vit", [0.95])
    page, found = compare(paths, tmp_path / "out")
    assert found["verdicts"][0]["better"] == "vit0"
    (caution,) = found["cautions"]
    assert "about these two trained models alone: another seed can turn it" in caution
    assert "train each with 3 seeds or more on one split, or over folds" in caution
    assert caution in page.words
    assert caution in capsys.readouterr().out
    assert ", corrected 95" not in page.words  # of one pair there is nothing to correct


def test_recipes_that_are_tested_otherwise_do_not_change_the_correction_of_models(tmp_path: Path):
    """Two single models alone, and beside two recipes of three seeds, which are tested over these."""
    single = seeded(tmp_path, "cnn", [0.7]) + seeded(tmp_path, "vit", [0.8])
    _, alone = compare(single, tmp_path / "alone")
    others = seeded(tmp_path, "mlp", [0.6] * 3) + seeded(tmp_path, "vgg", [0.9] * 3)
    page, among = compare(single + others, tmp_path / "among")
    (told,) = alone["verdicts"]
    assert told in among["verdicts"]
    of_models = [row for row in among["pairs"] if {row["first"], row["second"]} == {"cnn0", "vit0"}]
    assert [row for row in of_models if row["figure"] == "loss"] == [
        row for row in alone["pairs"] if row["figure"] == "loss"
    ]
    assert [*among["tested"]["models"].values(), *among["tested"]["seeds"].values()] == [1] * 6
    counts = "accuracy 1, macro F1 1, loss 1"
    assert f"Holm's correction of each figure (pairs tested: {counts})" in page.words
    assert "corrected 95 % interval" not in page.words


def test_the_drawing_of_differences_says_which_intervals_are_corrected(tmp_path: Path):
    """Three pairs of single models, and one of recipes of three seeds."""
    single = [path for net in ("cnn", "vit", "mobile") for path in seeded(tmp_path, net, [0.7])]
    page, _ = compare(single, tmp_path / "single")
    assert "difference of accuracy, points, corrected 95 % interval" in page.words
    assert "needs no correction" not in page.words
    others = seeded(tmp_path, "mlp", [0.6] * 3) + seeded(tmp_path, "vgg", [0.9] * 3)
    page, found = compare(single + others, tmp_path / "mixed")
    assert (found["tested"]["models"]["accuracy"], found["tested"]["seeds"]["accuracy"]) == (3, 1)
    assert "difference of accuracy, points, 95 % interval" in page.words
    assert "a pair that was tested alone needs no correction" in page.words


def test_seeds_of_one_recipe_are_not_held_against_each_other(tmp_path: Path, capsys):
    page, found = compare(seeded(tmp_path, "cnn", [0.5, 0.99, 0.7]), tmp_path / "out")
    assert found["pairs"] == found["verdicts"] == []
    text = " ".join("".join(page.text).split())
    assert "what sets them apart is chance" in text
    said = capsys.readouterr().out
    (row,) = found["selection"]
    spread = next(one for one in found["repeats"] if one["figure"] == "accuracy")
    assert row["accuracy_interval"] == list(interval_of_trainings(spread["values"], found["n"]))
    assert row["accuracy_interval"][0] < spread["mean_interval"][0]
    low, high = (f"{100 * end:.2f}" for end in row["accuracy_interval"])
    assert f"of the mean, for other seeds and other test images, is {low} % to {high} %" in text
    assert f"of their mean, for other seeds and images, {row['accuracy_interval'][0]:.4f} to" in said
    assert "models   3, from 3 runs, on" in said
    assert "what sets them apart is chance" in said
    assert "in the mean of 3 seeds" in text


def test_the_same_seed_again_is_another_model(tmp_path: Path):
    """Something that no config says, such as another version, sets the two apart."""
    split = digits_split()
    paths = [make_run(tmp_path / name, split, {"t": 0.8}, chance=i) for i, name in enumerate("ab")]
    _, found = compare(paths, tmp_path / "out")
    assert [row["seeds"] for row in found["selection"]] == [1, 1]
    assert len(found["verdicts"]) == 1


def test_a_phase_that_runs_have_in_common_is_one_recipe(tmp_path: Path):
    """Two runs whose heads were trained alike, and equally, part in their later phase alone."""
    split = digits_split()
    head, slow, fast = (Phase(epochs=4, learning_rate=rate) for rate in (1e-3, 1e-4, 1e-5))
    paths = []
    for place, last in enumerate((slow, fast)):
        path = make_run(tmp_path / "ab"[place], split, {"head": 0.7, "all": 0.9}, chance=place)
        config = json.loads((path / "config.json").read_text())
        config["phases"] = {"head": dataclasses.asdict(head), "all": dataclasses.asdict(last)}
        change_json(path / "config.json", **config)
        paths.append(path)
    _, found = compare(paths, tmp_path / "apart")
    assert len(found["selection"]) == 4  # of one seed, yet not the same: something else differs
    for part in ("train", "val", "test"):
        shutil.copy(*(path / "predictions" / "head" / f"{part}.npz" for path in paths))
    _, found = compare(paths, tmp_path / "out")
    assert {row["model"] for row in found["selection"]} == {"a/head = b/head", "a/all", "b/all"}
    assert len(found["verdicts"]) == 3
    assert len(found["figures"]) == 4


def test_a_copy_of_a_run_is_the_same_model_and_counts_once(tmp_path: Path):
    """Beside single trainings, and among the seeds of a recipe, whose mean it would pull."""
    split = digits_split()
    vit, cnn = (
        make_run(tmp_path / name, split, {"t": 0.8}, chance=chance, network=name)
        for chance, name in enumerate(("vit", "cnn"))
    )
    shutil.copytree(vit, tmp_path / "again")
    _, found = compare([vit, cnn, tmp_path / "again"], tmp_path / "out")
    assert {row["model"] for row in found["selection"]} == {"vit = again", "cnn"}
    (told,) = found["verdicts"]
    _, of_two = compare([vit, cnn], tmp_path / "two")
    assert told["p_corrected"] == of_two["verdicts"][0]["p_corrected"]
    with pytest.raises(InputError, match="vit = again: they are one model, of the same recipe"):
        read_runs([vit, tmp_path / "again"], intersect=False)
    seeds = seeded(tmp_path, "s", [0.7, 0.9])
    shutil.copytree(seeds[1], tmp_path / "lucky")
    page, found = compare([*seeds, tmp_path / "lucky", cnn], tmp_path / "three")
    row = next(row for row in found["selection"] if row["model"] == "s (2 seeds)")
    assert row["members"] == ["s0", "s1"]
    assert row["accuracy"] == np.mean([row["lowest"], row["highest"]])
    assert any("s0, s1 = lucky" in cells for cells in page.texts("selection"))
