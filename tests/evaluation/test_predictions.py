"""Predictions come back from their file, and what no model answers is refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.test_metrics import some_predictions
from vitlab.errors import InputError
from vitlab.evaluation import Predictions, load_predictions, save_predictions


def test_predictions_come_back_from_their_file(tmp_path: Path):
    predictions = some_predictions()
    save_predictions(predictions, tmp_path / "test.npz")
    found = load_predictions(tmp_path / "test.npz")
    for name in ("ids", "labels", "logits"):
        np.testing.assert_array_equal(getattr(found, name), getattr(predictions, name))


def test_damaged_predictions_are_refused(tmp_path: Path):
    (tmp_path / "test.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match=r"cannot read the predictions .*test\.npz"):
        load_predictions(tmp_path / "test.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_no_number_is_refused_with_its_file_and_image(tmp_path: Path, value: float):
    predictions = some_predictions()
    predictions.logits[7, 2] = value
    save_predictions(predictions, tmp_path / "test.npz")
    with pytest.raises(
        InputError, match=rf"test\.npz: image id7 has the logit {value} \(1 of 200"
    ) as error:
        load_predictions(tmp_path / "test.npz")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("labels", "logits", "said"),
    [
        (np.array([0]), np.zeros((2, 3), np.float32), r"labels \(1,\)"),
        (np.array([0, 1]), np.zeros(2, np.float32), r"logits \(2,\)"),
        (np.array([0.0, 1.0]), np.zeros((2, 3), np.float32), "a whole number"),
        (np.array([0, 3]), np.zeros((2, 3), np.float32), "image b has the label 3, and there are 3"),
        (np.array([0, -1]), np.zeros((2, 3), np.float32), "image b has the label -1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, labels, logits, said: str):
    save_predictions(Predictions(np.array(["a", "b"]), labels, logits), tmp_path / "test.npz")
    with pytest.raises(InputError, match=said):
        load_predictions(tmp_path / "test.npz")


def test_a_file_without_images_is_refused(tmp_path: Path):
    none = Predictions(np.array([], str), np.array([], int), np.zeros((0, 3), np.float32))
    save_predictions(none, tmp_path / "test.npz")
    with pytest.raises(InputError, match="one or more images"):
        load_predictions(tmp_path / "test.npz")
