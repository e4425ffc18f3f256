"""Intervals in closed form: of a proportion, of the difference of two on the same images, of a mean."""

import math
from collections.abc import Sequence

import numpy as np
import scipy

CONFIDENCE = 0.95
ALIKE = 1e-9  # what rounding makes of equal values

Interval = tuple[float, float]
ANYTHING = (-math.inf, math.inf)


def wilson_interval(right: int, count: int, confidence: float = CONFIDENCE) -> Interval:
    """The score interval of a proportion (Wilson 1927); it holds near 0 and 1 too."""
    interval = scipy.stats.binomtest(right, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def paired_interval(
    gained: float, lost: float, count: float, confidence: float = CONFIDENCE
) -> Interval:
    """Of the difference of two accuracies on the same images, (gained - lost) / count.

    `gained` images are right for the second model alone, `lost` for the first alone. It is the hull of
    Tango's interval, which covers well but inverts a test that is less strict than the exact one, and
    of the exact interval given that gained + lost images are answered differently. So it holds 0
    wherever McNemar's exact test has p above 1 - confidence, and nowhere else: the two never disagree.
    The counts may be means.
    """
    score = tango_interval(gained, lost, count, confidence)
    exact = conditional_interval(gained, lost, count, confidence)
    return min(score[0], exact[0]), max(score[1], exact[1])


def tango_interval(gained: float, lost: float, count: float, confidence: float = CONFIDENCE) -> Interval:
    """The score interval of the difference of two paired proportions (Tango 1998)."""
    estimate = (gained - lost) / count
    limit = float(scipy.stats.norm.isf((1 - confidence) / 2))

    def excess(difference: float) -> float:
        return _tango_score(gained, lost, count, difference)

    # Not quite to the ends, where the variance is 0: what reaches as far as that goes to the end.
    edge = 1 - 1e-12
    low, high = -1.0, 1.0
    if estimate > -edge and excess(-edge) > limit:
        low = scipy.optimize.brentq(lambda difference: excess(difference) - limit, -edge, estimate)
    if estimate < edge and excess(edge) < -limit:
        high = scipy.optimize.brentq(lambda difference: excess(difference) + limit, estimate, edge)
    return float(low), float(high)


def _tango_score(gained: float, lost: float, count: float, difference: float) -> float:
    """The standardised distance of the estimate from a difference, positive below the estimate.

    The variance is that under the most likely proportions with this difference; `likely` is the share
    of images that the second model loses.
    """
    square = 2 * count
    linear = -gained - lost + (2 * count - gained + lost) * difference
    constant = -lost * difference * (1 - difference)
    root = math.sqrt(max(linear**2 - 4 * square * constant, 0.0))
    likely = (root - linear) / (2 * square)
    variance = count * (2 * likely + difference * (1 - difference))
    distance = gained - lost - count * difference
    return distance / math.sqrt(variance) if variance > 0 else 0.0


def conditional_interval(
    gained: float, lost: float, count: float, confidence: float = CONFIDENCE
) -> Interval:
    """Clopper and Pearson's (1934) of the share gained / (gained + lost), as a difference of accuracies.

    It excludes 0 exactly where McNemar's exact test, a binomial test of that share, rejects.
    """
    differing = gained + lost
    if differing == 0:
        return 0.0, 0.0
    tail = (1 - confidence) / 2
    low = scipy.stats.beta.ppf(tail, gained, lost + 1) if gained else 0.0
    high = scipy.stats.beta.isf(tail, gained + 1, lost) if lost else 1.0
    return float(differing / count * (2 * low - 1)), float(differing / count * (2 * high - 1))


def student_interval(
    values: Sequence[float], confidence: float = CONFIDENCE, limits: Interval = ANYTHING
) -> Interval:
    """Of the mean of two or more independent values (Student 1908), which lie within the limits."""
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    half = scipy.stats.t.ppf((1 + confidence) / 2, len(values) - 1) * deviation / np.sqrt(len(values))
    return within(limits, (mean - float(half), mean + float(half)))


def interval_of_trainings(values: Sequence[float], count: int) -> Interval:
    """Of the mean accuracy of several trainings on the same images, for others and for other images.

    Student's over the trainings and Wilson's over the images, put together by their distances from the
    mean (MOVER: Zou and Donner 2008). Wilson's takes the images for those of one training, and so is
    rather too wide; of trainings that are all equal it is the interval.
    """
    mean = float(np.mean(values))
    right = mean * count
    of_images = (
        wilson_interval(math.floor(right + 1e-9), count)[0],
        wilson_interval(math.ceil(right - 1e-9), count)[1],
    )
    of_trainings = student_interval(values)
    low, high = (
        math.hypot(one - mean, other - mean) for one, other in zip(of_images, of_trainings, strict=True)
    )
    return within((0.0, 1.0), (mean - low, mean + high))


def within(limits: Interval, interval: Interval) -> Interval:
    """As much of the interval as lies between the limits."""
    (least, most), (low, high) = limits, interval
    return max(least, low), min(most, high)
