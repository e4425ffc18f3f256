"""What resamples say: the interval of a figure, and the interval and p value of a paired difference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitlab.evaluation.intervals import CONFIDENCE, Interval
from vitlab.evaluation.predictions import Predictions
from vitlab.evaluation.resampling import RESAMPLES, estimates, resampled

ALIKE = 1e-9  # what rounding makes of equal values


@dataclass(frozen=True)
class Estimate:
    """A figure and its interval, each None where there is none; `note` says why, or is empty."""

    value: float | None
    interval: Interval | None
    note: str


def bootstrap_intervals(
    predictions: Predictions,
    figures: Sequence[str],
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> dict[str, Estimate]:
    """The percentile interval of each figure (Efron 1979), by its key in metrics.json.

    Chance makes the calibration error larger, in the test part and again in each resample of it, so
    that most resamples may lie above the estimate: its interval reaches as far below the estimate as
    the resamples reach above, and to 0 at the least. Where all resamples are alike, as when no image
    is answered wrongly, they know nothing of the spread, and there is no interval. For the accuracy
    take Wilson's, which holds there too.
    """
    found = estimates(predictions, figures)
    drawn = resampled([predictions], figures, seed, resamples)[:, 0]
    result = {}
    for name, value, values in zip(figures, found.tolist(), drawn, strict=True):
        if np.isnan(value):
            result[name] = Estimate(None, None, "not defined on these images")
            continue
        low, high = percentile_interval(values, confidence)
        if high - low < ALIKE:
            result[name] = Estimate(value, None, "the same in every resample")
            continue
        if name == "ece":
            low, high = max(0.0, 2 * value - high), max(value, high)
        result[name] = Estimate(value, (low, high), "")
    return result


def percentile_interval(values: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """The k-th resample from either end, k = (resamples + 1) (1 - confidence) / 2, at least 1.

    It excludes 0 exactly where `bootstrap_p` is at most 1 - confidence.
    """
    cut = max(1, int((len(values) + 1) * (1 - confidence) / 2 + 1e-9))
    ordered = np.partition(values, [cut - 1, len(values) - cut])
    return float(ordered[cut - 1]), float(ordered[len(values) - cut])


def bootstrap_p(differences: np.ndarray) -> float:
    """Twice the share of resamples on the rarer side of 0, the estimate itself counted with them."""
    rarer = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return min(1.0, 2 * (rarer + 1) / (len(differences) + 1))
