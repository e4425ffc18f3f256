"""A comparison names labels that may be wrong, over all folds, and errors with a copy in training."""

import json
from pathlib import Path

import numpy as np

from tests.reporting.made_runs import digits_split, invented_split, make_run
from tests.reporting.pages import compare
from vitlab.config import Split as SplitSettings
from vitlab.evaluation import Predictions, label_errors, load_predictions


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
        *(copy["path"], copy["label"], "7", "90.00 %", copy["copy"], "7", "0.99")
    ]
    text = " ".join("".join(page.text).split())
    assert "Wrong answers with a near copy in training" in text
    assert f"test: {copy['label']}" in text
