"""Every figure against scikit-learn, SciPy or its formula."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as sklearn

from vitlab.evaluation import (
    Predictions,
    curve,
    evaluate,
    evaluate_test,
    headline,
    kappa_reading,
    row_shares,
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
    among = sklearn.top_k_accuracy_score(labels, probabilities, k=5, normalize=False)
    wilson = stats.binomtest(int(among), 200).proportion_ci(method="wilson")
    assert found["top_5_accuracy_interval"] == pytest.approx(list(wilson))
    np.testing.assert_array_equal(found["confusion_matrix"], sklearn.confusion_matrix(labels, answers))
    for average in ("macro", "weighted"):
        expected = report[f"{average} avg"]
        assert found[average]["precision"] == pytest.approx(expected["precision"])
        assert found[average]["recall"] == pytest.approx(expected["recall"])
        assert found[average]["f1"] == pytest.approx(expected["f1-score"])
    for name in NAMES:
        assert found["classes"][name]["f1"] == pytest.approx(report[name]["f1-score"])
        assert found["classes"][name]["n"] == report[name]["support"]


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


def test_one_class_alone_has_no_kappa_and_says_why():
    predictions = Predictions(np.array(["a"]), np.array([0]), np.array([[1.0, 0.0]], np.float32))
    found = evaluate(predictions, ("x", "y"))
    for name in ("kappa", "kappa_reading", "matthews", "roc_auc"):
        assert found[name] is None
        assert found["undefined"][name]
    assert found["average_precision"] == 1
    assert found["classes"]["x"]["undefined"] == {"roc_auc": "no image of another class"}
    assert found["classes"]["y"]["recall"] is None
    assert found["classes"]["y"]["undefined"]["recall"] == "no image of this class"


@st.composite
def any_predictions(draw) -> Predictions:
    """Few images, few values of logits (so that many are equal), classes that may have no image."""
    classes, count = draw(st.integers(1, 7)), draw(st.integers(1, 25))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=count, max_size=count))
    values = st.lists(st.integers(-3, 3), min_size=classes, max_size=classes)
    logits = draw(st.lists(values, min_size=count, max_size=count))
    ids = np.array([f"id{i}" for i in range(count)])
    return Predictions(ids, np.array(labels), np.array(logits, np.float32))


@settings(max_examples=40, deadline=None)
@given(any_predictions())
def test_every_figure_of_whatever_predictions_is_scikit_learns_or_none_with_a_reason(predictions):
    names = NAMES[: predictions.logits.shape[1]]
    found = json.loads(json.dumps(evaluate(predictions, names), allow_nan=False))
    labels, answers = predictions.labels, predictions.logits.argmax(1)
    present, classes = np.unique(labels), np.arange(len(names))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": sklearn.accuracy_score(labels, answers),
            "balanced_accuracy": sklearn.balanced_accuracy_score(labels, answers),
            "kappa": sklearn.cohen_kappa_score(labels, answers),
            "matthews": sklearn.matthews_corrcoef(labels, answers),
        }
        for average in ("macro", "weighted"):
            scores = sklearn.precision_recall_fscore_support(
                labels, answers, labels=present, average=average, zero_division=0
            )
            keys = [f"{average} {key}" for key in ("precision", "recall", "f1")]
            expected |= dict(zip(keys, scores[:3], strict=True))
    several = {"kappa": len(np.union1d(labels, answers)) > 1}
    several["matthews"] = len(present) > 1 and len(np.unique(answers)) > 1
    for name, value in expected.items():
        group, _, key = name.partition(" ")
        ours = found[group][key] if key else found[group]
        if several.get(name, True):
            assert ours == pytest.approx(value, abs=1e-12), name
        else:
            assert ours is None
            assert found["undefined"][name]
    np.testing.assert_array_equal(
        found["confusion_matrix"], sklearn.confusion_matrix(labels, answers, labels=classes)
    )


@settings(max_examples=40, deadline=None)
@given(any_predictions())
def test_the_figures_and_curves_of_each_class_are_scikit_learns(predictions):
    names = NAMES[: predictions.logits.shape[1]]
    found = evaluate(predictions, names)
    areas, precisions = [], []
    for index, name in enumerate(names):
        row, belongs = found["classes"][name], predictions.labels == index
        scores = predictions.probabilities[:, index]
        assert {key for key, value in row.items() if value is None} == set(row["undefined"])
        if not belongs.any():
            assert row["average_precision"] is None
            continue
        ranked = curve(belongs, scores)
        precision, recall, _ = sklearn.precision_recall_curve(belongs, scores)
        np.testing.assert_allclose(ranked.precision, precision[::-1])
        np.testing.assert_allclose(ranked.recall, recall[::-1])
        precisions.append(sklearn.average_precision_score(belongs, scores))
        assert row["average_precision"] == pytest.approx(precisions[-1])
        if belongs.all():
            assert row["roc_auc"] is None
            continue
        wrong, right, thresholds = sklearn.roc_curve(belongs, scores, drop_intermediate=False)
        np.testing.assert_allclose(ranked.false_positive_rate, wrong)
        np.testing.assert_allclose(ranked.recall, right)
        np.testing.assert_allclose(ranked.thresholds, thresholds)
        areas.append(sklearn.roc_auc_score(belongs, scores))
        assert row["roc_auc"] == pytest.approx(areas[-1])
    assert found["roc_auc"] == (pytest.approx(np.mean(areas)) if areas else None)
    assert found["average_precision"] == pytest.approx(np.mean(precisions))


@settings(max_examples=40, deadline=None)
@given(any_predictions())
def test_of_equal_logits_the_first_class_is_the_higher(predictions):
    """scikit-learn takes the last, so it is asked about the classes in reverse."""
    labels, logits = predictions.labels, predictions.logits
    last = logits.shape[1] - 1
    if last >= 5:
        expected = sklearn.top_k_accuracy_score(
            last - labels, logits[:, ::-1], k=5, labels=np.arange(last + 1)
        )
        assert evaluate(predictions, NAMES[: last + 1])["top_5_accuracy"] == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(any_predictions())
def test_calibration_is_that_of_its_formulas(predictions):
    found = evaluate(predictions, NAMES[: predictions.logits.shape[1]])
    p = special.softmax(predictions.logits.astype(np.float64), axis=1)
    truth = np.eye(p.shape[1])[predictions.labels]
    assert found["brier"] == pytest.approx(((p - truth) ** 2).sum(axis=1).mean())
    confidence, right = p.max(axis=1), p.argmax(axis=1) == predictions.labels
    error = 0.0
    for low in np.arange(15) / 15:
        chosen = (confidence >= low) & ((confidence < low + 1 / 15) | (low > 0.93))
        if chosen.any():
            error += chosen.mean() * abs(right[chosen].mean() - confidence[chosen].mean())
    assert found["ece"] == pytest.approx(error, abs=1e-9)
    assert sum(row["n"] for row in found["reliability"]) == len(p)
    assert all(row["low"] - 1e-9 <= row["confidence"] for row in found["reliability"])


@pytest.mark.parametrize(
    ("kappa", "reading"),
    [
        *((-0.01, "poor"), (0, "slight"), (0.2, "slight"), (0.21, "fair"), (0.4, "fair")),
        *((0.41, "moderate"), (0.6, "moderate"), (0.7, "substantial"), (0.8, "substantial")),
        *((0.943, "almost perfect"), (1, "almost perfect")),
    ],
)
def test_kappa_is_read_in_six_bands(kappa: float, reading: str):
    """S2-23."""
    assert kappa_reading(kappa) == reading


def test_rows_of_the_confusion_matrix_are_shares_of_their_class():
    matrix = np.array([[3, 1, 0], [0, 0, 0], [0, 2, 2]])
    assert row_shares(matrix) == [[0.75, 0.25, 0], [None] * 3, [0, 0.5, 0.5]]
    normalised = sklearn.confusion_matrix(
        [0, 0, 0, 0, 2, 2, 2, 2], [0, 0, 0, 1, 1, 1, 2, 2], normalize="true"
    )
    np.testing.assert_allclose(np.array(row_shares(matrix[[0, 2]]), float), normalised[[0, 2]])


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


def test_the_headline_is_that_of_all_the_metrics():
    predictions = some_predictions()
    whole = evaluate(predictions, NAMES)
    assert headline(predictions) == {key: whole[key] for key in ("n", "accuracy", "loss", "kappa")}
