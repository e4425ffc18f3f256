"""What a run's page says beside its figures: what chose the models, and what is not known."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.reporting.made_runs import change_json, conclude_run, digits_split, make_run
from tests.reporting.pages import Page
from vitlab.config import Config, Phase, to_json
from vitlab.data import Split
from vitlab.evaluation import load_predictions, save_predictions


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three phases of fold 2 of 3, two of which augment alike; one part lacks a class, one has one."""
    split = digits_split(images=240)
    parts, labels = np.array(split.parts), split.table.labels
    parts[(labels == 3) & (parts == "test")] = "val"
    parts[(labels == 5) & (parts == "train")] = "val"
    parts[(labels != 0) & (parts == "train")] = "val"
    path = tmp_path_factory.mktemp("made") / "run"
    make_run(path, Split(split.table, tuple(parts.tolist())), {"one": 0.5, "two": 0.9, "three": 0.9})
    flipped = dataclasses.replace(Phase().augmentation, flip=True)
    phases = {
        "one": Phase(epochs=4, augmentation=flipped),
        "two": Phase(epochs=4, monitor="loss", augmentation=flipped),
        "three": Phase(epochs=4),
    }
    change_json(path / "config.json", phases=to_json(Config(phases=phases))["phases"])
    config = json.loads((path / "config.json").read_text())
    change_json(path / "config.json", split=config["split"] | {"folds": 3, "fold": 1})
    shutil.rmtree(path / "checkpoints")
    return conclude_run(path).path


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page((run / "report.html").read_text())


@pytest.fixture(scope="module")
def words(page: Page) -> str:
    """Without the spaces that stand for the ends of names."""
    return re.sub(r" ([,;.:])", r"\1", page.words)


def test_each_phase_says_what_chose_its_best_epoch(words: str):
    for sentence in (
        "by the highest validation accuracy, among equals the lowest validation loss, of one, three;",
        "by the lowest validation loss, among equals the highest validation accuracy, of two.",
    ):
        assert sentence in words


def test_each_phase_is_tested_against_the_one_before_with_holms_correction(run: Path, page: Page):
    changes = json.loads((run / "analysis.json").read_text())["changes"]
    counts = [(len(change["fixed"]), len(change["broken"])) for change in changes]
    first, second = (stats.binomtest(fixed, fixed + broken).pvalue for fixed, broken in counts)
    assert first < 5e-4
    assert second > 0.05
    assert "two is better than one on these " in page.words
    assert "The difference between two and three on these " in page.words
    rows = page.texts("phase_tests")
    assert [row[:2] for row in rows[1:]] == [["one", "two"], ["two", "three"]]
    assert rows[0][3] == "p corrected"
    assert [row[3] for row in rows[1:]] == ["< .001", f"{second:.3f}".lstrip("0")]


def test_classes_without_images_and_undefined_figures_are_told_with_reasons(page: Page, words: str):
    for sentence in (
        "Classes without a training image, which no model can learn: 1, 2, 3, 4, 5,",
        "Classes without a test image, of which no figure on this page says how well they are told: 3.",
        "a class without any is left out, even where it is answered",
    ):
        assert sentence in words
    assert "Classes without a validation image" not in words
    rows = page.texts("undefined")[1:]
    assert ["one", "train", "ROC-AUC", "one class is all that there is"] in rows


def test_a_class_without_a_test_image_is_not_among_those_with_few_on_the_card(run: Path):
    card = " ".join((run / "model_card.md").read_text().split())
    assert "of which nothing here says how well they are told: 3." in card
    assert "0 (" in card.partition("whose figures are uncertain:")[2]
    assert "3 (0)" not in card


def test_a_fold_is_told_on_the_page_and_on_the_card(run: Path, page: Page):
    assert "It is fold 1 of 3 (counted from 0): in the runs of the other folds" in page.words
    card = (run / "model_card.md").read_text()
    assert "It is of fold 1 of 3 (counted from 0)" in card
    assert "used for nothing else" not in card


def test_augmentation_is_that_of_the_phases_that_are_named(run: Path, words: str):
    assert "one, two: training images are changed like this, anew every time;" in words
    assert "three: training images are not changed." in words
    assert (run / "figures" / "augmentation_one.svg").exists()
    assert not (run / "figures" / "augmentation_two.svg").exists()


def test_checkpoints_that_were_deleted_have_no_size(page: Page):
    assert [row[-1] for row in page.texts("costs")[1:]] == ["–", "–", "–"]
    assert "A dash there: it was deleted." in page.words


def test_a_suggested_label_is_a_question_and_no_wrong_answer(run: Path):
    html = " ".join((run / "report.html").read_text().split())
    suspects = json.loads((run / "analysis.json").read_text())["label_errors"]["images"]
    assert suspects
    assert html.count("<span>? <bdi>") == min(12, len(suspects))


def test_of_a_run_without_wrong_answers_nothing_is_said_of_them(tmp_path: Path):
    path = make_run(tmp_path / "run", digits_split(images=200), {"all": 0.8})
    saved = path / "predictions" / "all" / "test.npz"
    found = load_predictions(saved)
    right = dataclasses.replace(found, logits=np.eye(10, dtype=np.float32)[found.labels])
    save_predictions(right, saved)
    words = Page((conclude_run(path).path / "report.html").read_text()).words
    assert "Labels that may be wrong: 0" in words
    assert "None was looked for: no answer is wrong." in words
    for sentence in ("errs on", "for a person to look at", "of each are shown"):
        assert sentence not in words
    card = (path / "model_card.md").read_text()
    assert "The accuracy's interval is Wilson's." in card  # the others are the same in every resample
    assert "bootstrap's of" not in card
