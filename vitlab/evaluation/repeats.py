"""What is left of a figure when a training is repeated: over seeds, and over the folds of a split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from vitlab.evaluation.comparison import POWER
from vitlab.evaluation.intervals import ALIKE, ANYTHING, CONFIDENCE, Interval, student_interval


@dataclass(frozen=True)
class Repeats:
    """Of one figure over trainings that differ by their seed (S2-17, S2-30).

    Variance and deviation are the unbiased ones (n - 1); they and the interval of the mean are None
    for a single training. The interval speaks of the seeds alone: the test images stay the same. It is
    None too where all values are equal: of how far another would lie, they say nothing.
    """

    n: int
    mean: float
    deviation: float | None
    variance: float | None
    interval: Interval | None


def repeats(
    values: Sequence[float], confidence: float = CONFIDENCE, limits: Interval = ANYTHING
) -> Repeats:
    """Of one or more values, of a figure that lies within the limits."""
    mean = float(np.mean(values))
    if len(values) == 1:
        return Repeats(1, mean, None, None, None)
    variance = float(np.var(values, ddof=1))
    deviation = float(np.sqrt(variance))
    interval = None if deviation < ALIKE else student_interval(values, confidence, limits)
    return Repeats(len(values), mean, deviation, variance, interval)


@dataclass(frozen=True)
class FoldComparison:
    """The mean difference of two models over folds, its interval, and the p value of no difference.

    The last two are None where the difference is the same in every fold, and be it 0: of what another
    training would change, such folds say nothing. `establishable` is the difference that folds with
    such a spread would establish four times of five; None where there is no spread.
    """

    folds: int
    difference: float
    interval: Interval | None
    p: float | None
    establishable: float | None = None


def compare_folds(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
    test_images: float,
    train_images: float,
    confidence: float = CONFIDENCE,
) -> FoldComparison:
    """The corrected resampled t-test (Nadeau and Bengio 2003) of second - first over the same folds.

    The folds' trainings share most of their images, so that the usual t-test finds differences where
    there are none; the variance of the mean is (1/folds + test/train) times that of the folds.

    Args:
        first, second: a figure of each model per fold, two folds or more.
        test_images, train_images: of a fold, on average.
    """
    differences = np.subtract(second, first)
    folds = len(differences)
    mean = float(differences.mean())
    error = float(np.sqrt((1 / folds + test_images / train_images) * differences.var(ddof=1)))
    if error < ALIKE:
        return FoldComparison(folds, mean, None, None)
    limit = float(scipy.stats.t.ppf((1 + confidence) / 2, folds - 1))
    half, found = limit * error, _found_with_power(limit, folds - 1) * error
    p = float(2 * scipy.stats.t.sf(abs(mean) / error, folds - 1))
    return FoldComparison(folds, mean, (mean - half, mean + half), p, found)


def _found_with_power(limit: float, freedom: int) -> float:
    """The difference, in standard errors, with which Student's t exceeds the limit so often."""

    def excess(difference: float) -> float:
        return float(scipy.stats.nct.sf(limit, freedom, difference)) - POWER

    return float(scipy.optimize.brentq(excess, 0, 10 * limit))
