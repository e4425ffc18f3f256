"""Every figure of a part as a function of its saved predictions, as metrics.json holds them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlab.evaluation import counts as counting
from vitlab.evaluation.calibration import (
    Temperature,
    brier_score,
    calibration,
    calibration_error,
    cross_entropy,
    reliability,
)
from vitlab.evaluation.counts import Counts, confusion_matrix, counts_of, kappa_reading
from vitlab.evaluation.intervals import wilson_interval
from vitlab.evaluation.predictions import Predictions
from vitlab.evaluation.ranking import curve, why_no_area
from vitlab.language import Message

TOP = 5


def evaluate(predictions: Predictions, class_names: Sequence[str]) -> dict[str, Any]:
    """The metrics of one part, as JSON; what is not defined is None, and "undefined" says why.

    `n` counts every image. The precision of a class that has images and was never answered is 0, as
    is its F1. A class that has no image here has no figures, and is left out of every mean.
    """
    matrix = confusion_matrix(predictions.labels, predictions.answers, len(class_names))
    counts = counts_of(matrix)
    right, count = int(counts.right.sum()), len(predictions)
    classes = _classes(predictions, counts, class_names)
    result: dict[str, Any] = {
        "n": count,
        "accuracy": right / count,
        "accuracy_interval": list(wilson_interval(right, count)),
        "balanced_accuracy": float(counting.balanced_accuracy(counts)),
        "loss": cross_entropy(predictions),
        "brier": brier_score(predictions),
        "ece": calibration_error(predictions),
        "reliability": reliability(predictions),
        "kappa": _number(counting.kappa(counts)),
        "matthews": _number(counting.matthews(counts)),
        "roc_auc": _mean([row["roc_auc"] for row in classes.values()]),
        "average_precision": _mean([row["average_precision"] for row in classes.values()]),
        "confusion_matrix": matrix.tolist(),
    }
    result["kappa_reading"] = None if result["kappa"] is None else kappa_reading(result["kappa"])
    if len(class_names) > TOP:
        among = int(is_top(predictions, TOP).sum())
        result[f"top_{TOP}_accuracy"] = among / count
        result[f"top_{TOP}_accuracy_interval"] = list(wilson_interval(among, count))
    for name, mean in (("macro", counting.macro), ("weighted", counting.weighted)):
        result[name] = {
            "precision": float(mean(counting.precisions)(counts)),
            "recall": float(mean(counting.recalls)(counts)),
            "f1": float(mean(counting.f1_scores)(counts)),
        }
    return result | {"classes": classes, "undefined": _undefined(result)}


def headline(predictions: Predictions) -> dict[str, Any]:
    """n, accuracy, loss and kappa alone, as `evaluate` has them: of many classes it takes its time."""
    classes = predictions.logits.shape[1]
    counts = counts_of(confusion_matrix(predictions.labels, predictions.answers, classes))
    return {
        "n": len(predictions),
        "accuracy": int(counts.right.sum()) / len(predictions),
        "loss": cross_entropy(predictions),
        "kappa": _number(counting.kappa(counts)),
    }


def evaluate_test(
    predictions: Predictions,
    class_names: Sequence[str],
    hard_groups: Sequence[str],
    temperature: Temperature | None = None,
) -> dict[str, Any]:
    """The metrics of the test part; under "hard", those of each named group of its images (S2-03).

    Under "calibration", what the temperature would make of loss, Brier score and calibration error,
    if there is one; nothing else is scaled by it.
    """
    result = evaluate(predictions, class_names)
    names = np.array(hard_groups, dtype=object)
    hard = {
        name: evaluate(predictions.select(np.flatnonzero(names == name)), class_names)
        for name in sorted(set(hard_groups) - {""})
    }
    scaled = {} if temperature is None else {"calibration": calibration(predictions, temperature)}
    return result | scaled | ({"hard": hard} if hard else {})


def is_top(predictions: Predictions, top: int) -> np.ndarray:
    """Whether each image's true class is among the `top` highest logits [n].

    Of equal logits the class that comes first is the higher, as for `answers`: top 1 is the accuracy.
    """
    logits, labels = predictions.logits, predictions.labels
    true = logits[np.arange(len(logits)), labels][:, None]
    before = np.arange(logits.shape[1]) < labels[:, None]
    return ((logits > true) | ((logits == true) & before)).sum(axis=1) < top


def _classes(
    predictions: Predictions, counts: Counts, class_names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The figures of each class against all others."""
    probabilities = predictions.probabilities
    columns = (counting.precisions(counts), counting.recalls(counts), counting.f1_scores(counts))
    rows = {}
    for index, name in enumerate(class_names):
        n = int(counts.present[index])
        row: dict[str, Any] = dict.fromkeys(
            ("precision", "recall", "f1", "roc_auc", "average_precision")
        )
        if n:
            row["precision"], row["recall"], row["f1"] = (float(column[index]) for column in columns)
            ranked = curve(predictions.labels == index, probabilities[:, index])
            row["average_precision"] = ranked.average_precision
            if why_no_area(n, len(predictions)) is None:
                row["roc_auc"] = ranked.area
        rows[name] = {**row, "n": n, "undefined": _undefined_of_class(n, len(predictions))}
    return rows


def _undefined_of_class(members: int, images: int) -> dict[str, str]:
    """The reason of each figure of a class that is None."""
    reason = why_no_area(members, images)
    if reason is None:
        return {}
    if members:
        return {"roc_auc": reason}
    return dict.fromkeys(("precision", "recall", "f1", "roc_auc", "average_precision"), reason)


def _undefined(result: dict[str, Any]) -> dict[str, str]:
    # Without values: a page looks them up in its language again, from metrics.json.
    reasons = {
        "kappa": Message("one class is all that there is and all that was answered"),
        "kappa_reading": "there is no kappa",
        "matthews": Message("one class is all that there is, or all that was answered"),
        "roc_auc": Message("one class is all that there is"),
    }
    return {key: reason for key, reason in reasons.items() if result[key] is None}


def _number(value: np.ndarray) -> float | None:
    return None if np.isnan(value) else float(value)


def _mean(values: list[float | None]) -> float | None:
    """Of those that are defined."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
