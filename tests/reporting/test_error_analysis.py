"""Where a model errs: the analysis follows from the predictions, and the page shows the analysis."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import vitlab
from tests.data.inspection.collections import photograph, save
from tests.reporting.pages import Page
from vitlab import config
from vitlab.data import (
    PRIVATE,
    REPUBLISH,
    NearCopies,
    Split,
    align,
    near_copies,
    open_collection,
    read_split,
)
from vitlab.evaluation import class_reading, load_predictions
from vitlab.models import load_card, preset
from vitlab.reporting.error_gallery import error_galleries
from vitlab.reporting.gallery import Gallery
from vitlab.reporting.results import read_results
from vitlab.run_directory import RunDirectory


@pytest.fixture(scope="module")
def analysis(small_run: Path) -> dict:
    return json.loads((small_run / "analysis.json").read_text())


@pytest.fixture(scope="module")
def page(small_run: Path) -> Page:
    return Page((small_run / "report.html").read_text())


def words(page: Page) -> str:
    return " ".join(" ".join(page.text).split())


def answers_of(run: Path, phase: str) -> tuple[np.ndarray, np.ndarray]:
    predictions = load_predictions(run / "predictions" / phase / "test.npz")
    return predictions.labels, predictions.answers


def test_the_counts_are_those_of_the_predictions_and_the_metrics(small_run: Path, analysis: dict):
    labels, answers = answers_of(small_run, "all")
    assert analysis["phase"] == "all"
    assert (analysis["n"], analysis["wrong"]) == (len(labels), int((labels != answers).sum()))
    metrics = json.loads((small_run / "metrics.json").read_text())
    accuracy = metrics["all"]["test"]["accuracy"]
    assert 1 - analysis["wrong"] / analysis["n"] == pytest.approx(accuracy)
    probabilities = [one["probability"] for one in analysis["confidently_wrong"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(one["answer"] != one["label"] for one in analysis["confidently_wrong"])
    gaps = [one["probability"] - one["second_probability"] for one in analysis["least_certain"]]
    assert gaps == sorted(gaps)
    assert all(gap >= 0 for gap in gaps)


def test_what_changed_is_what_two_models_answer_differently(small_run: Path, analysis: dict):
    (change,) = analysis["changes"]
    labels, before = answers_of(small_run, "head")
    _, after = answers_of(small_run, "all")
    assert (change["before"], change["after"]) == ("head", "all")
    assert len(change["fixed"]) == int(((before != labels) & (after == labels)).sum())
    assert len(change["broken"]) == int(((before == labels) & (after != labels)).sum())
    assert change["still_wrong"] == int(((before != labels) & (after != labels)).sum())
    total = len(change["fixed"]) + len(change["broken"]) + change["still_wrong"]
    assert total + change["still_right"] == analysis["n"]
    assert all(one["answer"] == one["label"] != one["before"] for one in change["fixed"])
    assert all(one["before"] == one["label"] != one["answer"] for one in change["broken"])


def test_every_figure_of_the_page_is_in_the_file(small_run: Path, analysis: dict, page: Page):
    text = words(page)
    (change,) = analysis["changes"]
    for sentence in (
        f"Test images that are answered wrongly: {analysis['wrong']} of {analysis['n']}.",
        f"Labels that may be wrong: {analysis['label_errors']['found']}",
        "None was looked for: the images of wrong answers have fewer than 24 pixels a side",
        f"Of {analysis['n']} test images: fixed {len(change['fixed'])}, broken "
        f"{len(change['broken'])}, still right {change['still_right']}, still wrong "
        f"{change['still_wrong']}.",
        "from the answers to the test part, which the model did not learn from; of the training images",
    ):
        assert sentence in text
    rows = page.texts("label_errors")[1:]
    assert rows == [
        [
            one["path"],
            one["label"],
            f"{100 * one['label_probability']:.2f} %",
            one["suggested"],
            f"{100 * one['suggested_probability']:.2f} %",
        ]
        for one in analysis["label_errors"]["images"]
    ]
    for name, sentence in analysis["classes"].items():
        assert f"{name} – {sentence}" in text
    for one in analysis["confidently_wrong"]:
        assert f"{one['answer']} ({100 * one['probability']:.0f} %) {one['path']}" in text
    for one in analysis["least_certain"]:
        assert f"{one['second']} ({100 * one['second_probability']:.0f} %) {one['path']}" in text


def test_a_class_is_read_in_words():
    matrix = np.array([[5, 0, 0, 0], [1, 2, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    assert class_reading(matrix, ("a", "b", "c", "d")) == {
        "a": "All its 5 images are found. Answers of it that are right: 5 of 6; else the image is of "
        "b (1).",
        "b": "Images of it that are found: 2 of 4; else it is taken for a (1), c (1). "
        "Whenever it is answered, that is right.",
        "c": "Its one image is found. Answers of it that are right: 1 of 2; else the image is of b (1).",
        "d": "It has no test image. It is never answered.",
    }


def test_a_run_of_an_older_vitlab_without_the_analysis_is_finished_all_the_same(
    small_run: Path, tmp_path: Path
):
    older = tmp_path / "older"
    shutil.copytree(small_run, older)
    (older / "analysis.json").unlink()
    again = vitlab("main", "--config=tests/configs/small.py", f"--workdir={older}")
    assert again.returncode == 0, again.stderr
    assert "finished already" in again.stdout


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Six different ones; 0 and 1 have near copies in the folder `b`: smaller and cut, another none."""
    for seed in range(6):
        save(photograph(seed), tmp_path / "a" / f"{seed}.png")
    save(photograph(0).resize((120, 90)), tmp_path / "b" / "0 smaller.jpg", quality=60)
    save(photograph(1).crop((5, 3, 158, 118)), tmp_path / "b" / "1 cut.png")
    save(photograph(9), tmp_path / "b" / "9.png")
    return tmp_path


def test_near_copies_are_found_on_what_the_network_sees(photographs: Path):
    preprocessing = preset("vit_ti16").preprocessing
    collection = open_collection(config.Dataset(path=str(photographs)), preprocessing, "squash")
    table = collection.table
    rows, among = np.flatnonzero(table.labels == 1), np.flatnonzero(table.labels == 0)
    result = near_copies(collection, rows, among)
    found = result.pairs
    assert result.looked_for == 3
    pairs = {table.paths[pair.first]: table.paths[pair.second] for pair in found}
    assert pairs == {"b/0 smaller.jpg": "a/0.png", "b/1 cut.png": "a/1.png"}
    assert all(pair.likeness >= 0.98 for pair in found)
    assert near_copies(collection, rows, rows[:0]).pairs == ()


def test_small_images_have_no_near_copies(tmp_path: Path):
    for name in ("a/0.png", "b/0.png", "a/1.png"):
        save(Image.new("RGB", (8, 8), "red"), tmp_path / name)
    preprocessing = preset("vit_ti16").preprocessing
    collection = open_collection(config.Dataset(path=str(tmp_path)), preprocessing, "squash")
    assert near_copies(collection, np.array([0]), np.array([1, 2])) == NearCopies((), 0)


def test_an_image_that_may_not_be_republished_is_grey_among_the_errors(small_run: Path, analysis: dict):
    run = RunDirectory(small_run)
    settings = run.open_finished()
    preprocessing = load_card(run.model("all")).preprocessing
    collection = open_collection(settings.dataset, preprocessing, settings.dataset.resize)
    collection, split = align(collection, read_split(run.split))
    private = {REPUBLISH: (PRIVATE,) * len(split.table)}
    hidden = Split(dataclasses.replace(split.table, columns=private), split.parts)
    copied = analysis | {
        "near_copies": [
            analysis["confidently_wrong"][0] | {"copy": split.table.paths[0], "copy_label": "0"}
        ]
    }
    results = read_results(run)
    shown = error_galleries(Gallery(collection, split, results, 0), copied)
    grey = error_galleries(Gallery(collection, hidden, results, 0), copied)
    assert shown.keys() == grey.keys() >= {"errors_confident", "errors_copies", "fixed_all"}
    assert len({one.address for pictures in grey.values() for one in pictures}) == 1
    assert all(one.caption.endswith("(not to be shown)") for one in grey["errors_copies"])
    assert len({one.address for one in shown["errors_confident"]}) > 1
    assert [one.caption[:4] for one in shown["errors_copies"]] == ["test", "trai"]
