"""The page of a comparison says what comparison.json says, and that what the predictions say."""

import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sklearn_metrics

from tests.reporting.made_runs import (
    change_json,
    digits_split,
    invented_split,
    make_run,
    with_augmentation,
)
from tests.reporting.pages import Page, assert_stands_alone, in_a_browser
from vitlab.compare_job import compare_runs
from vitlab.config import Columns, Dataset
from vitlab.config import Split as SplitSettings
from vitlab.data import Split, open_source
from vitlab.evaluation import compare_folds, load_predictions, wilson_interval
from vitlab.reporting import read_runs
from vitlab.reporting.comparison.gallery import Gallery, open_gallery
from vitlab.reporting.tables import formatted

BAD = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
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


def compare(paths: list[Path], output: Path, **changes: Any) -> tuple[Page, dict[str, Any]]:
    options = {"intersect": False, "seed": 0, "resamples": 400} | changes
    compare_runs(paths, output, **options)
    page = Page((output / "report.html").read_text())
    return page, json.loads((output / "comparison.json").read_text())


@pytest.fixture(scope="module")
def compared(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, dict[str, Any], Path]:
    output = tmp_path_factory.mktemp("out") / "comparison"
    names = ("mobile", "vit", "cnn0", "cnn1", "cnn2", "flip")
    return *compare([runs / name for name in names], output), output


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
    "pairs": {"difference": "number", "p": "p", "p_corrected": "p", "needed": "count"},
    "repeats": {"mean": "number", "deviation": "number", "variance": "small"},
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
    titles, *rows = page.tables["table-classes"]
    assert len(titles) == 2 + 3 * 8
    assert [row[0][0] for row in rows] == [*map(str, range(10)), "macro mean", "weighted mean"]
    for cells, row in zip(rows, found["classes"], strict=True):
        values = [
            row[f"{number}_{key}"] for number in range(1, 9) for key in ("precision", "recall", "f1")
        ]
        assert [text for text, _ in cells[2:]] == [f"{value:.4f}" for value in values]


def test_a_run_with_two_phases_gives_two_models_and_all_pairs_are_told(compared):
    page, found, _ = compared
    names = [row["model"] for row in found["models"]]
    assert names == [
        *("mobile/head", "mobile/finetune", "vit/head", "vit/finetune"),
        *("cnn0", "cnn1", "cnn2", "flip"),
    ]
    pairs = [pair for pair in found["pairs"] if pair["figure"] == "accuracy"]
    assert len(pairs) == 8 * 7 // 2
    text = " ".join(" ".join(page.text).split())
    surest = sorted(pairs, key=lambda pair: pair["p"])[:15]
    assert all(pair["statement"] in text for pair in surest)
    best = next(pair for pair in pairs if {pair["first"], pair["second"]} == {"vit/finetune", "cnn0"})
    assert best["better"] == "vit/finetune"
    assert best["statement"].startswith("vit/finetune is better than cnn0 on these 200 images")
    for pair in pairs:
        low, high = pair["difference_interval"]
        assert (pair["p_corrected"] <= 0.05) == (low > 0 or high < 0)


def test_the_area_has_no_interval_where_mistakes_are_few(compared):
    page, found, _ = compared
    for row in found["figures"]:
        mistakes = round(row["n"] * (1 - row["accuracy"]))
        assert (row["roc_auc_interval"] is None) == (mistakes < 20)
    few = [str(row["number"]) for row in found["figures"] if row["roc_auc_interval"] is None]
    note = f"roc auc: fewer than 20 mistakes ({', '.join(few)})"
    assert note in " ".join("".join(page.text).split())


def test_costs_are_summed_over_the_phases_of_a_run(compared):
    _, found, _ = compared
    head, finetune, other = found["costs"][:3]
    assert (head["cumulative_epochs"], finetune["cumulative_epochs"]) == (4, 8)
    assert finetune["cumulative_seconds"] == head["seconds"] + finetune["seconds"] == 20
    assert other["cumulative_epochs"] == 4
    assert (head["weights_bytes"], head["checkpoint_bytes"]) == (5000, 15000)


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


def test_curves_have_a_red_line_where_the_second_phase_begins(compared):
    _, _, output = compared
    curves = (output / "figures" / "curves_accuracy_1.svg").read_text()
    assert "finetune begins" in curves
    assert curves.count('class="begins"') == 1
    assert "#C1121F" in curves
    assert 'class="begins"' not in (output / "figures" / "curves_loss_3.svg").read_text()


def test_the_page_stands_alone_and_has_pictures_titled_by_truth_and_answer(compared):
    page, _, output = compared
    assert_stands_alone((output / "report.html").read_text())
    assert len(page.targets) > 10
    words = " ".join("".join(page.text).split())
    assert len(re.findall(r"True: \d", words)) >= 16
    assert len(re.findall(r"Pred: \d \d+%", words)) >= 16


def test_the_same_command_gives_the_same_figures(compared, runs: Path, tmp_path: Path):
    _, found, _ = compared
    names = ("mobile", "vit", "cnn0", "cnn1", "cnn2", "flip")
    _, again = compare([runs / name for name in names], tmp_path / "again")
    del found["made_by"], again["made_by"]
    assert again == found


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


def test_names_that_are_markup_or_formulas_stay_text(tmp_path: Path):
    split = invented_split([BAD, "=1+1", "@x", "$x^2$ & y_z", "plain", "ev\u202eil\n"], 60)
    paths = [make_run(tmp_path / f"<b>run{index}", split, {"t": 0.8}, chance=index) for index in (1, 2)]
    page, found = compare(paths, tmp_path / "out")
    assert not page.handlers
    assert page.tags.count("script") == 1
    assert BAD in "".join(page.text)
    text = (tmp_path / "out" / "report.html").read_text()
    assert "onerror=alert" not in re.sub(r"&lt;img[^&]*&gt;", "", text)
    assert "\u202e" not in text
    for svg in (tmp_path / "out" / "figures").glob("*.svg"):
        assert "onerror=alert" not in re.sub(r"&lt;img[^&]*&gt;", "", svg.read_text())
    lines = (tmp_path / "out" / "tables" / "classes.csv").read_text().split("\n")
    assert lines[2].startswith("'=1+1,")
    assert lines[3].startswith("'@x,")
    assert (
        r"\$x\textasciicircum{}2\$ \& y\_z" in (tmp_path / "out" / "tables" / "classes.tex").read_text()
    )
    assert found["class_names"][0] == BAD


def test_a_thousand_classes_leave_the_matrix_readable_and_the_page_small(tmp_path: Path):
    names = [f"class {index:04d}" for index in range(1000)]
    split = invented_split(names, 1200)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 0.7}, chance=index) for index in (1, 2)]
    page, found = compare(paths, tmp_path / "out", resamples=200)
    svg = (tmp_path / "out" / "figures" / "confusion_1.svg").read_text()
    assert len(re.findall(r">class \d{4}</text>", svg)) == 2 * 30
    assert "30 of 1000 classes" in "".join(page.text)
    assert len(page.tables["table-classes"]) == 1 + 400
    assert len((tmp_path / "out" / "tables" / "classes.csv").read_text().splitlines()) == 1 + 1002
    assert (tmp_path / "out" / "report.html").stat().st_size < 5e6
    assert len(found["classes"]) == 1002


def test_hard_groups_and_a_class_without_test_images(tmp_path: Path):
    hard = tuple(["night"] * 10 + [""] * 50 + [""] * 60)
    split = invented_split(["a", "b", "never"], 60, hard=hard)
    labels = np.where(split.table.labels == 2, 1, split.table.labels)
    labels[60:63] = 2
    table = type(split.table)(
        split.table.ids, split.table.paths, labels, split.table.class_names, split.table.columns
    )
    split = type(split)(table, split.parts)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index) for index in (1, 2)]
    page, found = compare(paths, tmp_path / "out")
    assert [row["n"] for row in found["hard_groups"]] == [10, 10]
    never = next(row for row in found["classes"] if row["class"] == "never")
    assert (never["n"], never["1_f1"]) == (0, None)
    assert page.tables["table-classes"][3][2][0] == "–"


def test_a_run_of_an_older_version_is_compared_by_what_it_has(tmp_path: Path):
    """Without network.json, log.jsonl, times, and keys of the config and the manifest."""
    split = digits_split(images=80)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index) for index in (1, 2)]
    old = paths[0]
    (old / "network.json").unlink()
    (old / "log.jsonl").unlink()
    shutil.rmtree(old / "checkpoints")
    change_json(old / "model" / "t" / "model.json", trained=None, origin=None)
    change_json(old / "manifest.json", split_hash=None, phases=None, system=None, git_commit=None)
    change_json(old / "config.json", fsdp=None, report=None)
    page, found = compare(paths, tmp_path / "out")
    assert found["costs"][0]["seconds"] is None
    assert [row["model"] for row in found["latency"]] == ["r2"]
    assert "1 of 2 runs have no log.jsonl" in "".join(page.text)
    assert found["split_hashes"] == [split.hash]


def test_images_that_are_gone_are_said_to_be_gone(tmp_path: Path):
    split = invented_split(["a", "b"], 30)
    dataset = Dataset(path=str(tmp_path / "nowhere"))
    paths = [
        make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index, dataset=dataset)
        for index in (1, 2)
    ]
    page, _ = compare(paths, tmp_path / "out")
    assert "There are no pictures:" in "".join(page.text)
    assert "nowhere" in "".join(page.text)


def test_an_image_that_may_not_be_republished_is_grey(tmp_path: Path, image_folder):
    folder = image_folder({"cat": 8, "dog": 8})
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.png"))
    lines = [f"{name},{name.parent},{'no' if name.parent.name == 'cat' else ''}" for name in names]
    (tmp_path / "pets.csv").write_text("path,label,republish\n" + "\n".join(lines))
    columns = Columns(republish="republish")
    dataset = Dataset(path=str(tmp_path / "pets.csv"), images=str(folder), columns=columns)
    table = open_source(dataset).table
    split = Split(table, ("test", "test", "train", "val") * 4)
    paths = [
        make_run(tmp_path / f"r{index}", split, {"t": 0.7}, chance=index, dataset=dataset)
        for index in (1, 2)
    ]
    gallery = open_gallery(read_runs(paths, intersect=False), 0)
    assert isinstance(gallery, Gallery)
    colours = {}
    for picture in gallery.one_per_class():
        content = base64.b64decode(picture.address.partition(",")[2])
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        colours[picture.caption] = set(map(tuple, pixels.reshape(-1, 3).tolist()))
    assert all(abs(value - 200) <= 1 for colour in colours["cat"] for value in colour)
    assert len(colours["dog"]) > 10


def test_in_a_browser_nothing_overflows_and_a_click_sorts(compared, tmp_path: Path):
    _, found, output = compared
    accuracy = {row["model"]: row["accuracy"] for row in found["figures"]}
    for whole, inner, names in in_a_browser(
        (output / "report.html").read_text(), tmp_path, "table-figures", clicked=3, named=1
    ):
        assert whole <= inner
        accuracies = [accuracy[name] for name in names]
        assert accuracies == sorted(accuracies, reverse=True)


def test_in_a_browser_long_names_break(tmp_path: Path):
    split = invented_split(["x" * 120, "a class with a rather long name", "c"], 60)
    paths = [
        make_run(tmp_path / (f"{index}" + "_a_long_name" * 9), split, {"t": 0.7}, chance=index)
        for index in (1, 2)
    ]
    compare(paths, tmp_path / "out", resamples=200)
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(
        whole <= inner
        for whole, inner, _ in in_a_browser(page, tmp_path, "table-figures", clicked=3, named=1)
    )
