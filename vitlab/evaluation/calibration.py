"""Whether a model that says "80 %" is right in 80 of 100 cases, and the temperature that mends it."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from vitlab.evaluation.predictions import Predictions
from vitlab.language import Message

BINS = 15
LOWEST, HIGHEST = 0.01, 100.0  # temperatures that are tried

# Why a temperature cannot be relied upon. No value is filled in: the notes go through metrics.json as
# plain text, and a page looks them up in its language again.
ALL_EQUAL = Message("the logits of each image are all equal: every temperature is as good")
ALL_RIGHT = Message(
    "every validation image is answered rightly, so that the loss there falls with the temperature as "
    "far as it is tried (to 0.01), and none is the best"
)
AT_A_BOUND = Message("the best temperature is not between 0.01 and 100")


@dataclass(frozen=True)
class Temperature:
    """What all logits are divided by; `note` says why it cannot be relied upon, or is empty."""

    value: float
    note: str


def fit_temperature(validation: Predictions) -> Temperature:
    """The temperature with the least cross-entropy on the validation part (Guo et al. 2017).

    The loss is convex in 1/T, so it has one minimum along log T too, looked for between 0.01 and 100.
    """
    logits = validation.logits.astype(np.float64)
    true = logits[np.arange(len(logits)), validation.labels]
    gaps = logits - true[:, None]

    if not gaps.any():
        return Temperature(1.0, ALL_EQUAL)
    if gaps.max() <= 0:
        return Temperature(LOWEST, ALL_RIGHT)

    def loss(log_temperature: float) -> float:
        return float(np.mean(scipy.special.logsumexp(gaps * np.exp(-log_temperature), axis=1)))

    bounds = (float(np.log(LOWEST)), float(np.log(HIGHEST)))
    found = scipy.optimize.minimize_scalar(
        loss, bounds=bounds, method="bounded", options={"xatol": 1e-9}
    )
    # The search never tries its bounds, to which it tends where the loss only falls or only rises.
    best = min(*bounds, float(found.x), key=loss)
    if best in bounds:
        return Temperature(float(np.exp(best)), AT_A_BOUND)
    return Temperature(float(np.exp(best)), "")


def calibration(test: Predictions, temperature: Temperature) -> dict[str, Any]:
    """What the temperature does to the test part, as JSON; it changes no answer."""
    return {
        "temperature": temperature.value,
        "note": temperature.note,
        "before": _scores(test),
        "after": _scores(test.cooled(temperature.value)),
    }


SCORES = {"ece": Message("ECE"), "loss": Message("loss"), "brier": Message("Brier score")}


def made_worse(found: Mapping[str, Any]) -> Message | None:
    """Which figures of the test part the temperature makes worse, of what `calibration` has found.

    It is fitted on few validation images or on some that are unlike these, and is no gain for sure.
    """
    worse = [title for key, title in SCORES.items() if found["after"][key] > found["before"][key]]
    if not worse:
        return None
    every = functools.reduce(
        lambda first, second: Message("{first}, {second}", first=first, second=second), worse
    )
    return Message("worse with it on these images: {them}", them=every)


def _scores(predictions: Predictions) -> dict[str, float]:
    return {
        "ece": calibration_error(predictions),
        "loss": cross_entropy(predictions),
        "brier": brier_score(predictions),
    }


def losses(predictions: Predictions) -> np.ndarray:
    """-log p of each image's true class [n], in float64."""
    logits = predictions.logits.astype(np.float64)
    true = logits[np.arange(len(logits)), predictions.labels]
    return scipy.special.logsumexp(logits, axis=1) - true


def cross_entropy(predictions: Predictions) -> float:
    return float(np.mean(losses(predictions)))


def brier_scores(predictions: Predictions) -> np.ndarray:
    """Each image's squared distance [n] of its probabilities from 0 and 1, summed over the classes."""
    distances = predictions.probabilities
    distances[np.arange(len(distances)), predictions.labels] -= 1
    return (distances**2).sum(axis=1)


def brier_score(predictions: Predictions) -> float:
    """Brier's own (1950) for several classes, between 0 and 2: twice the usual one of two classes."""
    return float(np.mean(brier_scores(predictions)))


def confidence_bins(confidence: np.ndarray) -> np.ndarray:
    """Which of 15 equal intervals each confidence lies in; an interval holds its lower end."""
    return np.minimum((confidence * BINS).astype(int), BINS - 1)


def reliability(predictions: Predictions) -> list[dict[str, float]]:
    """The reliability diagram: per bin that has images its ends, n, mean confidence and accuracy."""
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.answers == predictions.labels
    bins = confidence_bins(confidence)
    return [
        {
            "low": index / BINS,
            "high": (index + 1) / BINS,
            "n": int((bins == index).sum()),
            "confidence": float(confidence[bins == index].mean()),
            "accuracy": float(right[bins == index].mean()),
        }
        for index in np.unique(bins).tolist()
    ]


def calibration_error(predictions: Predictions) -> float:
    """Expected calibration error (Guo et al. 2017): confidence in 15 equal bins against accuracy."""
    rows = reliability(predictions)
    gaps = [row["n"] * abs(row["accuracy"] - row["confidence"]) for row in rows]
    return float(sum(gaps) / len(predictions))
