"""The tables of a comparison say what comparison.json says, and that what the predictions say."""

from pathlib import Path

import pytest
from sklearn import metrics as sklearn_metrics

from tests.reporting.pages import compare
from vitlab.errors import InputError
from vitlab.evaluation import load_predictions, wilson_interval
from vitlab.reporting.tables import formatted

KINDS = {
    "figures": {
        "accuracy": "percent",
        "top_5_accuracy": "percent",
        "balanced_accuracy": "percent",
        **dict.fromkeys(("kappa", "matthews", "macro.precision", "macro.recall", "macro.f1"), "number"),
        **dict.fromkeys(("weighted.f1", "loss", "brier", "ece", "roc_auc"), "number"),
    },
    "parts": {
        f"{part}_{key}": "percent" if key == "accuracy" else "number"
        for part in ("train", "val", "test")
        for key in ("accuracy", "loss", "kappa")
    },
    "costs": {
        **dict.fromkeys(("epochs", "cumulative_epochs", "parameters", "trainable"), "count"),
        **dict.fromkeys(("seconds", "cumulative_seconds"), "seconds"),
        **dict.fromkeys(("weights_bytes", "checkpoint_bytes"), "bytes"),
    },
    "latency": {"milliseconds": "short", "accuracy": "percent"},
    "selection": {"val_accuracy": "percent", "val_loss": "number", "accuracy": "percent"},
    "pairs": {"p": "p", "p_corrected": "p", "needed": "count"},
    "repeats": {"mean": "number", "deviation": "number", "variance": "short"},
    "augmentation": {"accuracy_without": "percent", "difference": "points", "p_corrected": "p"},
    "changes": dict.fromkeys(("fixed_count", "broken_count", "still_right", "still_wrong"), "count"),
    "calibration": dict.fromkeys(("temperature", "ece_before", "ece_after", "loss_after"), "number"),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_number_of_a_table_is_that_of_the_file(name: str, compared):
    page, found, output = compared
    rows, files_titles = page.tables[f"table-{name}"][1:], (output / "tables" / f"{name}.csv")
    keys = files_titles.read_text().split("\n")[0].split(",")
    keys = [key for key in keys if not key.endswith(("_low", "_high"))]
    if name == "figures":  # the page has it as two tables
        beside = page.tables["table-means"][1:]
        rows = [row + means[2:] for row, means in zip(rows, beside, strict=True)]
        keys.sort(
            key=lambda key: key.startswith(("macro.", "weighted.", "roc_auc", "average_precision"))
        )
    assert len(rows) == len(found[name]) > 0
    for cells, row in zip(rows, found[name], strict=True):
        for key, kind in KINDS[name].items():
            text, order = cells[keys.index(key)]
            value, interval = row[key], row.get(f"{key}_interval")
            expected = formatted(value, kind)  # type: ignore[arg-type]
            if interval is not None:
                ends = (formatted(end, kind).removesuffix(" %") for end in interval)  # type: ignore[arg-type]
                expected += f" [{' to '.join(ends)}]"
            assert text == expected
            assert order == "" if value is None else float(order) == value


def test_figures_are_those_of_scikit_learn_on_the_saved_predictions(compared, runs: Path):
    _, found, _ = compared
    row = next(row for row in found["figures"] if row["model"] == "vit/finetune")
    saved = load_predictions(runs / "vit" / "predictions" / "finetune" / "test.npz")
    assert row["n"] == len(saved) == 200
    right = int((saved.answers == saved.labels).sum())
    assert row["accuracy"] == right / 200
    assert row["accuracy_interval"] == pytest.approx(wilson_interval(right, 200))
    assert row["kappa"] == pytest.approx(sklearn_metrics.cohen_kappa_score(saved.labels, saved.answers))
    f1 = sklearn_metrics.f1_score(saved.labels, saved.answers, average="macro")
    assert row["macro.f1"] == pytest.approx(f1)
    assert row["macro.f1_interval"][0] < f1 < row["macro.f1_interval"][1]
    loss = sklearn_metrics.log_loss(saved.labels, saved.probabilities)
    assert row["loss"] == pytest.approx(loss)


def test_the_class_reports_of_all_models_stand_side_by_side(compared):
    page, found, _ = compared
    for first, name in ((1, "table-classes"), (5, "table-classes_5")):
        titles, *rows = page.tables[name]
        assert [title for title, _ in titles[2::3]] == [f"{first + more} P" for more in range(4)]
        assert [row[0][0] for row in rows] == [*map(str, range(10)), "macro mean", "weighted mean"]
        foot = page.source.partition(f'id="{name}"')[2].partition("</table>")[0].partition("<tfoot>")[2]
        assert foot.count("<tr>") == 2  # the means stay below
        for cells, row in zip(rows, found["classes"], strict=True):
            values = [
                row[f"{number}_{key}"]
                for number in range(first, first + 4)
                for key in ("precision", "recall", "f1")
            ]
            assert [text for text, _ in cells[2:]] == [f"{value:.4f}" for value in values]


def test_pairs_are_tested_by_any_figure_that_is_asked_for(runs: Path, tmp_path: Path):
    asked = ("kappa", "balanced_accuracy", "brier", "roc_auc", "average_precision", "weighted.recall")
    page, found = compare([runs / "mobile", runs / "vit"], tmp_path / "out", tested=asked)
    assert found["tested"]["models"] == dict.fromkeys(("accuracy", *asked), 6)
    assert {*found["tested"]["seeds"].values(), *found["tested"]["folds"].values()} == {0}
    for figure in asked:
        rows = [row for row in found["pairs"] if row["figure"] == figure]
        values = {row["model"]: row[figure] for row in found["figures"]}
        assert len(rows) == 6
        for row in rows:
            assert row["difference"] == pytest.approx(values[row["second"]] - values[row["first"]])
            low, high = row["difference_interval"]
            assert low <= row["difference"] <= high
            assert (row["p_corrected"] <= 0.05) == (not low <= 0 <= high)
    assert "All pairs, by accuracy, kappa, balanced accuracy, Brier, ROC-AUC" in page.words
    with pytest.raises(
        InputError, match=r"unknown figure to test by 'kapa' .--tests.; did you mean kappa"
    ):
        compare([runs / "mobile"], tmp_path / "other", tested=("kapa",))
    for figure, reason in (("ece", "than it varies"), ("accuracy", "always tested by it")):
        with pytest.raises(InputError, match=f"--tests has {figure}: .*{reason}"):
            compare([runs / "mobile"], tmp_path / "other", tested=(figure,))


def test_a_run_with_two_phases_gives_two_models_and_all_pairs_are_told(compared):
    page, found, _ = compared
    names = [row["model"] for row in found["models"]]
    assert names == [
        *("mobile/head", "mobile/finetune", "vit/head", "vit/finetune"),
        *("cnn0", "cnn1", "cnn2", "flip"),
    ]
    pairs = [pair for pair in found["pairs"] if pair["figure"] == "accuracy"]
    assert len(pairs) == 6 * 5 // 2  # the three seeds of one recipe are one
    text = " ".join(" ".join(page.text).split())
    assert len(found["verdicts"]) == 6 * 5 // 2
    assert all(told["statement"] in text for told in found["verdicts"])
    of_both = {"vit/finetune", "cnn (3 seeds)"}
    best = next(pair for pair in pairs if {pair["first"], pair["second"]} == of_both)
    assert best["better"] is None  # one training of vit beside three
    heads = next(pair for pair in pairs if (pair["first"], pair["second"]) == ("vit/finetune", "flip"))
    assert heads["better"] == "vit/finetune"
    assert found["tested"]["models"] == dict.fromkeys(("accuracy", "macro.f1", "loss"), 10)
    assert "accuracy 10, macro F1 10, loss 10" in " ".join("".join(page.text).split())
    assert "vit/finetune is more accurate on these 200 images in 3" in best["statement"]
    of_single_models = [pair for pair in pairs if pair["difference_interval"]]
    assert len(of_single_models) == 5 * 4 // 2
    for pair in of_single_models:
        low, high = pair["difference_interval"]
        assert (pair["p_corrected"] <= 0.05) == (low > 0 or high < 0)


def test_figures_of_ranks_have_an_interval_that_no_percentile_cuts_short_at_1(compared):
    _, found, _ = compared
    for row in found["figures"]:
        for figure in ("roc_auc", "average_precision"):
            low, high = row[f"{figure}_interval"]
            assert 0 < low < row[figure] < high < 1
            assert row[figure] - low > high - row[figure]


def test_differences_of_accuracy_are_points_and_others_numbers(compared):
    page, found, _ = compared
    for cells, row in zip(page.texts("pairs")[1:], found["pairs"], strict=True):
        kind = "points" if row["figure"] == "accuracy" else "number"
        difference = formatted(row["difference"], kind)  # type: ignore[arg-type]
        if row["difference_interval"] is None:  # between a recipe of two seeds and another
            assert cells[3] == difference
            continue
        low, high = (formatted(end, kind) for end in row["difference_interval"])  # type: ignore[arg-type]
        assert cells[3] == f"{difference} [{low} to {high}]"


def test_every_figure_with_an_interval_has_a_title(compared):
    _, found, output = compared
    keys = (output / "tables" / "figures.csv").read_text().split("\n")[0].split(",")
    assert {key for key in found["figures"][0] if key.endswith("_interval")} - {"no_interval"} == {
        f"{key.removesuffix('_low')}_interval" for key in keys if key.endswith("_low")
    }


def test_costs_are_summed_over_the_phases_of_a_run(compared):
    _, found, _ = compared
    head, finetune, other = found["costs"][:3]
    assert (head["cumulative_epochs"], finetune["cumulative_epochs"]) == (4, 8)
    assert finetune["cumulative_seconds"] == head["seconds"] + finetune["seconds"] == 20
    assert other["cumulative_epochs"] == 4
    assert (head["weights_bytes"], head["checkpoint_bytes"]) == (2408, 15000)


def test_the_front_holds_what_no_other_model_beats(compared):
    _, found, _ = compared
    rows = found["latency"]
    front = {row["model"] for row in rows if row["on_front"]}
    assert "vit/finetune" in front
    assert "vit/head" not in front
    for row in rows:
        faster = [o for o in rows if o["milliseconds"] <= row["milliseconds"] and o is not row]
        if row["model"] in front:
            assert all(other["accuracy"] <= row["accuracy"] for other in faster)


def test_changes_are_images_confusions_and_classes(compared, runs: Path):
    page, found, _ = compared
    row = found["changes"][0]
    before, after = (
        load_predictions(runs / "mobile" / "predictions" / phase / "test.npz")
        for phase in ("head", "finetune")
    )
    fixed = (before.answers != before.labels) & (after.answers == after.labels)
    assert row["fixed"] == before.ids[fixed].tolist()
    assert row["fixed_count"] + row["broken_count"] + row["still_right"] + row["still_wrong"] == 200
    assert f"Images fixed: {fixed.sum()}" in "".join(page.text)


def test_the_same_command_gives_the_same_figures(compared, runs: Path, tmp_path: Path):
    _, found, _ = compared
    names = ("mobile", "vit", "cnn0", "cnn1", "cnn2", "flip")
    _, again = compare([runs / name for name in names], tmp_path / "again")
    del found["made_by"], again["made_by"]
    assert again == found
