"""Every figure against scikit-learn, SciPy or its formula."""

from pathlib import Path

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics as sklearn

from vitlab.errors import InputError
from vitlab.evaluation import (
    Predictions,
    evaluate,
    evaluate_test,
    load_predictions,
    save_predictions,
    wilson_interval,
)

NAMES = tuple("abcdefg")


def some_predictions(seed: int = 0, count: int = 200) -> Predictions:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(NAMES), count)
    logits = generator.normal(0, 2, (count, len(NAMES))).astype(np.float32)
    logits[np.arange(count), labels] += 2
    return Predictions(np.array([f"id{i}" for i in range(count)]), labels, logits)


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_is_scikit_learns(seed: int):
    predictions = some_predictions(seed)
    found = evaluate(predictions, NAMES)
    labels, answers = predictions.labels, predictions.logits.argmax(1)
    probabilities = special.softmax(predictions.logits.astype(np.float64), axis=1)
    report = sklearn.classification_report(
        labels, answers, target_names=NAMES, output_dict=True, zero_division=0
    )
    assert found["n"] == 200
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(labels, answers))
    assert found["loss"] == pytest.approx(sklearn.log_loss(labels, probabilities))
    assert found["kappa"] == pytest.approx(sklearn.cohen_kappa_score(labels, answers))
    assert found["top_5_accuracy"] == pytest.approx(
        sklearn.top_k_accuracy_score(labels, probabilities, k=5)
    )
    np.testing.assert_array_equal(found["confusion_matrix"], sklearn.confusion_matrix(labels, answers))
    for average in ("macro", "weighted"):
        expected = report[f"{average} avg"]
        assert found[average]["precision"] == pytest.approx(expected["precision"])
        assert found[average]["recall"] == pytest.approx(expected["recall"])
        assert found[average]["f1"] == pytest.approx(expected["f1-score"])
    for name in NAMES:
        assert found["classes"][name]["f1"] == pytest.approx(report[name]["f1-score"])
        assert found["classes"][name]["n"] == report[name]["support"]


@pytest.mark.parametrize(("right", "count"), [(0, 10), (10, 10), (7, 10), (131, 150), (990, 1000)])
def test_the_interval_is_wilsons(right: int, count: int):
    z = stats.norm.ppf(0.975)
    share = right / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    np.testing.assert_allclose(wilson_interval(right, count), (middle - half, middle + half), atol=1e-9)


def test_calibration_error_of_a_known_case():
    """Confidence .8 on four images of which three are right, and .6 on one that is wrong."""
    confident, unsure = np.log([0.8, 0.2]), np.log([0.6, 0.4])
    logits = np.array([confident] * 4 + [unsure], np.float32)
    predictions = Predictions(np.array(list("abcde")), np.array([0, 0, 0, 1, 1]), logits)
    expected = 4 / 5 * abs(0.75 - 0.8) + 1 / 5 * abs(0 - 0.6)
    assert evaluate(predictions, ("x", "y"))["ece"] == pytest.approx(expected, abs=1e-6)


def test_probabilities_sum_to_one_even_for_huge_logits():
    predictions = Predictions(np.array(["a"]), np.array([0]), np.array([[1e4, -1e4]], np.float32))
    np.testing.assert_allclose(predictions.probabilities, [[1, 0]])


def test_a_class_without_images_is_left_out_of_the_means():
    predictions = some_predictions()
    rows = predictions.labels != 3
    part = Predictions(predictions.ids[rows], predictions.labels[rows], predictions.logits[rows])
    found = evaluate(part, NAMES)
    recalls = [scores["recall"] for name, scores in found["classes"].items() if name != "d"]
    assert found["macro"]["recall"] == pytest.approx(np.mean(recalls))
    assert found["classes"]["d"]["n"] == 0


def test_one_class_alone_has_no_kappa():
    predictions = Predictions(np.array(["a"]), np.array([0]), np.array([[1.0, 0.0]], np.float32))
    assert evaluate(predictions, ("x", "y"))["kappa"] is None


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


def test_hard_groups_have_figures_of_their_own():
    """S2-03."""
    predictions = some_predictions()
    groups = ["dark" if row < 30 else "blurred" if row < 45 else "" for row in range(200)]
    found = evaluate_test(predictions, NAMES, groups)
    whole = evaluate(predictions, NAMES)
    assert {name: value for name, value in found.items() if name != "hard"} == whole
    assert {name: group["n"] for name, group in found["hard"].items()} == {"dark": 30, "blurred": 15}
    right = predictions.answers[:30] == predictions.labels[:30]
    assert found["hard"]["dark"]["accuracy"] == pytest.approx(right.mean())
    assert "hard" not in evaluate_test(predictions, NAMES, [""] * 200)
