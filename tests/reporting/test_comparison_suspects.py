"""A comparison names labels that may be wrong, over all folds, and errors with a copy in training."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.reporting.made_runs import digits_split, invented_split, make_run
from tests.reporting.pages import compare
from vitlab.config import Split as SplitSettings
from vitlab.evaluation import Predictions, label_errors, load_predictions
from vitlab.reporting import read_runs
from vitlab.reporting.comparison.suspects import suspects


def test_label_errors_are_rated_over_the_answers_of_all_folds_together(tmp_path: Path):
    """Thresholds of the folds alone would be others: each fold has a few images of a class."""
    whole = invented_split(["a", "b", "c"], 30)
    order = np.random.default_rng(0).permutation(60)
    paths = []
    for fold in range(3):
        part = np.full(60, "train", object)
        part[order[fold * 20 : fold * 20 + 20]] = "test"
        part[order[(fold * 20 + 20) % 60]] = "val"
        split = type(whole)(whole.table, tuple(part))
        for chance, name in enumerate(("vit", "cnn")):
            settings = SplitSettings(folds=3, fold=fold)
            path = tmp_path / f"{name}{fold}"
            make_run(path, split, {"t": 0.7}, chance=3 * fold + chance, network=name, settings=settings)
            paths.append(path)
    page, found = compare(paths, tmp_path / "out", resamples=200)
    parts = [load_predictions(tmp_path / f"vit{fold}/predictions/t/test.npz") for fold in range(3)]
    pooled = Predictions(
        *(np.concatenate([getattr(one, key) for one in parts]) for key in ("ids", "labels", "logits"))
    )
    expected = label_errors(pooled)
    rows = [row for row in found["label_errors"] if row["model"] == "vit (3 folds)"]
    assert [row["id"] for row in rows] == pooled.ids[expected.rows].tolist()
    assert [row["suggested"] for row in rows] == ["abc"[label] for label in expected.suggested]
    alone = [one.ids[label_errors(one).rows].tolist() for one in parts]
    assert {row["id"] for row in rows} != {id_ for ids in alone for id_ in ids}
    assert "of all 3 folds together" in " ".join("".join(page.text).split())


def test_errors_with_a_near_copy_in_training_are_those_that_the_runs_found(tmp_path: Path):
    split = digits_split(images=80)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index) for index in (1, 2)]
    table, test, train = split.table, split.rows("test")[0], split.rows("train")[0]
    copy = {
        "path": table.paths[test],
        "label": table.class_names[table.labels[test]],
        "answer": "7",
        "probability": 0.9,
        "copy": table.paths[train],
        "copy_label": "7",
        "likeness": 0.99,
    }
    (paths[0] / "analysis.json").write_text(json.dumps({"phase": "t", "near_copies": [copy]}))
    page, found = compare(paths, tmp_path / "out", resamples=200)
    assert found["near_copies"] == [{"number": 1, "model": "r1"} | copy]
    _, row = page.tables["table-near_copies"]
    assert [text for text, _ in row][2:] == [
        *(copy["path"], copy["label"], "7", "90.00 %", copy["copy"], "7", "0.9900")
    ]
    text = " ".join("".join(page.text).split())
    assert "Wrong answers with a near copy in training" in text
    assert f"test: {copy['label']}" in text


NONE_FOUND = "None was found. (Images of fewer than 24 pixels a side are not looked at.)"
MISSED = (
    "Runs that looked for no near copies, because the images of wrong answers have fewer than 24 pixels "
    "a side, or are gone, or an older vitlab made them: {} of 2."
)
NONE_LOOKED_FOR = (
    "None was looked for: the images of wrong answers have fewer than 24 pixels a side, or are gone, or "
    "an older vitlab made the runs."
)
NONE_WRONG = {"phase": "t", "wrong": 0, "near_copies": [], "copies_looked_for": 0}
TOO_SMALL = NONE_WRONG | {"wrong": 5}
LOOKED = TOO_SMALL | {"copies_looked_for": 5}
UNNOTED = {"phase": "t", "near_copies": []}
FOUND = LOOKED | {"near_copies": [{"path": "1.jpg", "copy": "2.jpg"}]}


@pytest.mark.parametrize(
    ("analyses", "told"),
    [
        ((LOOKED, NONE_WRONG), [NONE_FOUND]),
        ((LOOKED, UNNOTED), [NONE_FOUND]),
        ((LOOKED, TOO_SMALL), [NONE_FOUND, MISSED.format(1)]),
        ((FOUND, {}), [MISSED.format(1)]),
        ((FOUND, LOOKED), []),
        ((NONE_WRONG, NONE_WRONG), ["None was looked for: no answer is wrong."]),
        (
            ({}, TOO_SMALL),
            [NONE_LOOKED_FOR],
        ),
    ],
)
def test_where_no_near_copy_stands_it_is_said_whether_one_was_looked_for(
    tmp_path: Path, analyses: tuple[dict, dict], told: list[str]
):
    split = invented_split(["cat", "dog"], 20)
    paths = []
    for chance, analysis in enumerate(analyses):
        paths.append(make_run(tmp_path / f"r{chance}", split, {"t": 0.8}, chance=chance))
        (paths[-1] / "analysis.json").write_text(json.dumps(analysis))
    assert suspects(read_runs(paths, intersect=False))["about_near_copies"] == told


def test_parts_in_which_nothing_was_found_say_so(tmp_path: Path):
    """Of models that are right and sure of it, beside a page where there is something to be told."""
    split = invented_split(["a", "b"], 30, hard=("night",) * 3 + ("",) * 57)
    found = [make_run(tmp_path / f"r{index}", split, {"t": 0.6}, chance=index) for index in (1, 2)]
    table = dataclasses.replace(split.table, columns={})
    plain = dataclasses.replace(split, table=table)
    none = [make_run(tmp_path / f"s{index}", plain, {"t": 1.0}, chance=index) for index in (1, 2)]
    labels = "None was found by confident learning, in the answers of any model to the test part."
    hard = "There are none: no column of the collection names hard groups of these images"
    page, _ = compare(found, tmp_path / "found", resamples=200)
    assert labels not in page.words
    assert hard not in page.words
    page, _ = compare(none, tmp_path / "none", resamples=200)
    assert labels in page.words
    assert hard in page.words
    (none[0] / "split.csv").unlink()
    page, _ = compare(none, tmp_path / "gone", resamples=200)
    assert hard not in page.words
    assert "None was looked for: split.csv of s1 , which would name them, is gone." in page.words
