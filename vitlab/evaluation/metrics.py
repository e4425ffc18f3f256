"""Every figure of a part as a function of its saved predictions; scikit-learn computes the known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special, stats
from sklearn import metrics

from vitlab.evaluation.predictions import Predictions

CALIBRATION_BINS = 15
TOP = 5


def evaluate(predictions: Predictions, class_names: Sequence[str]) -> dict[str, Any]:
    """The metrics of one part, as JSON.

    `n` counts every image. Precision, recall and F1 are 0 for a class that was never answered, and
    left out of the averages for a class that has no image here.
    """
    labels, answers = predictions.labels, predictions.answers
    classes = np.arange(len(class_names))
    matrix = metrics.confusion_matrix(labels, answers, labels=classes)
    right = int(np.trace(matrix))
    present = np.unique(labels)
    result: dict[str, Any] = {
        "n": len(predictions),
        "accuracy": right / len(predictions),
        "accuracy_interval": wilson_interval(right, len(predictions)),
        "loss": cross_entropy(predictions),
        "kappa": _kappa(labels, answers),
        "ece": calibration_error(predictions),
        "confusion_matrix": matrix.tolist(),
    }
    if len(class_names) > TOP:
        result[f"top_{TOP}_accuracy"] = top_accuracy(predictions, TOP)
    for average in ("macro", "weighted"):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            labels, answers, labels=present, average=average, zero_division=0
        )
        result[average] = {"precision": precision, "recall": recall, "f1": f1}
    rows = metrics.precision_recall_fscore_support(labels, answers, labels=classes, zero_division=0)
    result["classes"] = {
        name: {"precision": p, "recall": r, "f1": f, "n": int(n)}
        for name, p, r, f, n in zip(class_names, *(row.tolist() for row in rows), strict=True)
    }
    return _plain(result)


def evaluate_test(
    predictions: Predictions, class_names: Sequence[str], hard_groups: Sequence[str]
) -> dict[str, Any]:
    """The metrics of the test part; under "hard", those of each named group of its images (S2-03)."""
    result = evaluate(predictions, class_names)
    names = np.array(hard_groups, dtype=object)
    hard = {
        name: evaluate(predictions.select(np.flatnonzero(names == name)), class_names)
        for name in sorted(set(hard_groups) - {""})
    }
    return result | ({"hard": hard} if hard else {})


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927); it holds near 0 and 1 too."""
    interval = stats.binomtest(right, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def cross_entropy(predictions: Predictions) -> float:
    """The mean of -log p of the true class, in float64."""
    logits = predictions.logits.astype(np.float64)
    true = logits[np.arange(len(logits)), predictions.labels]
    return float(np.mean(special.logsumexp(logits, axis=1) - true))


def top_accuracy(predictions: Predictions, top: int) -> float:
    """The share of images whose true class is among the `top` highest logits."""
    logits = predictions.logits
    true = logits[np.arange(len(logits)), predictions.labels]
    return float(np.mean((logits > true[:, None]).sum(axis=1) < top))


def calibration_error(predictions: Predictions) -> float:
    """Expected calibration error (Guo et al. 2017): confidence in 15 equal bins against accuracy."""
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.answers == predictions.labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(right[bins == index].sum() - confidence[bins == index].sum()) for index in np.unique(bins)
    ]
    return float(sum(gaps) / len(predictions))


def _kappa(labels: np.ndarray, answers: np.ndarray) -> float | None:
    """Cohen's kappa; None where one class is all there is, and chance agrees fully."""
    if len(np.union1d(labels, answers)) < 2:
        return None
    return float(metrics.cohen_kappa_score(labels, answers))


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
