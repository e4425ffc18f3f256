"""What resamples say: the interval of a figure, and the interval and p value of a paired difference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from vitlab.evaluation.intervals import ALIKE, CONFIDENCE, Interval, within
from vitlab.evaluation.predictions import Predictions
from vitlab.evaluation.resampling import (
    FEWEST_IMAGES,
    OF_RANKS,
    RESAMPLES,
    estimates,
    is_resampled,
    limits,
    resampled,
)
from vitlab.language import Message

# Images of a class, on average: where there are fewer, average precision is so much too high, and its
# resamples once more, that what is taken off its middle moves the interval past the truth.
FEWEST_RANKED = 10


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

    What chance does to a figure that is no mean, it does to the resamples once more: the F1 of classes
    with a handful of images shrinks, until no resample is as good as the estimate. So the resamples
    are moved to have the estimate as their mean. Where all are alike, as when no image is answered
    wrongly, they know nothing of the spread, and there is no interval; nor is there one from fewer than
    20 images, or where many classes have a single image, but of means over the images. For the accuracy
    take Wilson's, which holds there too. The calibration error has none: chance adds to it more than it
    varies. Figures of ranks have that of `log_odds_interval`; average precision where classes have ten
    images or more.
    """
    return bootstrap_of_models([predictions], figures, seed, resamples, confidence)[0]


def bootstrap_of_models(
    models: Sequence[Predictions],
    figures: Sequence[str],
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> list[dict[str, Estimate]]:
    """The same for several models whose rows are the same images, which are drawn once for all."""
    labels = models[0].labels
    singles, few = Message("too many classes have a single test image"), Message("too few test images")
    note = few if len(labels) < FEWEST_IMAGES else singles
    kept = [figure for figure in figures if is_resampled(figure, labels)]
    drawn = dict(zip(kept, resampled(models, kept, seed, resamples), strict=True)) if kept else {}
    are_few = len(labels) < FEWEST_RANKED * len(np.unique(labels))
    result = []
    for index, model in enumerate(models):
        values = dict(zip(figures, estimates(model, figures).tolist(), strict=True))
        result.append(
            {
                name: _estimate(name, value, drawn[name][index], confidence, are_few)
                if name in drawn
                else Estimate(None if np.isnan(value) else value, None, note)
                for name, value in values.items()
            }
        )
    return result


def _estimate(
    figure: str, value: float, values: np.ndarray, confidence: float, are_few: bool
) -> Estimate:
    if np.isnan(value):
        return Estimate(None, None, Message("not defined on these images"))
    if figure == "average_precision" and are_few:
        return Estimate(value, None, Message("classes have too few test images"))
    if figure == "ece":
        return Estimate(value, None, Message("chance adds more to it than it varies"))
    if np.ptp(values) < ALIKE or (figure in OF_RANKS and not ALIKE < value < 1 - ALIKE):
        return Estimate(value, None, Message("the same in every resample"))
    if figure in OF_RANKS:
        return Estimate(value, log_odds_interval(value, values, confidence), "")
    low, high = percentile_interval(values - values.mean() + value, confidence)
    # Moved away from an end that the figure cannot go beyond, even the middle resamples may lie there.
    return Estimate(value, within(limits(figure), (min(low, value), max(high, value))), "")


def log_odds_interval(value: float, values: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Of a figure between 0 and 1 from the spread of its resamples, by its log odds (Pepe 2003, 5.2).

    Near 1 the figures of ranks are so skewed that percentiles cover far too little: where few images
    are ranked wrongly, a resample cannot show those that might have been. What chance adds to the
    resamples is taken off the middle; the interval holds the estimate nonetheless. Resamples only have
    to tell a deviation: hundreds are enough.
    """
    middle = 2 * value - float(values.mean())
    if not 0 < middle < 1:
        middle = value
    half = scipy.stats.norm.ppf((1 + confidence) / 2) * float(values.std(ddof=1)) / (value * (1 - value))
    ends = scipy.special.expit(scipy.special.logit(middle) + half * np.array([-1, 1]))
    return min(value, float(ends[0])), max(value, float(ends[1]))


def percentile_interval(values: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """The k-th resample from either end, k = (resamples + 1) (1 - confidence) / 2, at least 1."""
    return _from_the_ends(values, max(1, _place(values, 1 - confidence)))


# ------------------------------------------------------------------------- a paired difference


@dataclass(frozen=True)
class PairedDifference:
    """The resampled differences of two models, and how many images they effectively rest on.

    Where two models differ on few images, the spread of the resamples is itself uncertain, and quantiles
    of the resamples find differences too often. So their levels are those of Student's distribution (the
    expanded percentile interval of Hesterberg 2015), with one degree of freedom less than Kish's
    effective number (1965) of the images' influences: of figures like the accuracy, the number of
    images that only one of the two answers rightly.
    """

    differences: np.ndarray
    freedom: float

    @property
    def is_constant(self) -> bool:
        """Then nothing tells what other images would change."""
        return bool(np.ptp(self.differences) < ALIKE)

    @property
    def p(self) -> float:
        """Of no difference: from the share of resamples on the rarer side of 0, and the estimate."""
        rarer = min(np.count_nonzero(self.differences <= 0), np.count_nonzero(self.differences >= 0))
        tail = (rarer + 1) / (len(self.differences) + 1)
        if tail >= 0.5:
            return 1.0
        return float(2 * scipy.stats.t.sf(scipy.stats.norm.isf(tail), self.freedom))

    def interval(self, level: float) -> Interval:
        """It excludes 0 exactly where p is at most the level, and always holds it where the resamples
        do not reach far enough out for the level."""
        tail = scipy.stats.norm.sf(scipy.stats.t.isf(level / 2, self.freedom))
        cut = _place(self.differences, 2 * tail)
        low, high = _from_the_ends(self.differences, max(1, cut))
        return (low, high) if cut else (min(low, 0.0), max(high, 0.0))


def paired_difference(
    difference: float, resampled: np.ndarray, influences: np.ndarray
) -> PairedDifference:
    """Of resampled differences [resamples], which are moved to have the difference as their mean, and
    each image's influence on it [images]. What rounding makes of no difference is none."""
    freedom = max(1.0, effective_number(influences) - 1)
    moved = resampled - resampled.mean() + difference
    return PairedDifference(np.where(np.abs(moved) < ALIKE, 0.0, moved), freedom)


def effective_number(influences: np.ndarray) -> float:
    """Kish's (1965), of images by their influences [images] on a difference."""
    squares = influences**2
    total = float((squares**2).sum())
    return float(squares.sum()) ** 2 / total if total > 0 else 0.0


def _place(values: np.ndarray, share: float) -> int:
    """How many resamples a two-sided share of them leaves at either end, the estimate counted too."""
    return int((len(values) + 1) * share / 2 + 1e-6)


def _from_the_ends(values: np.ndarray, place: int) -> Interval:
    ordered = np.partition(values, [place - 1, len(values) - place])
    return float(ordered[place - 1]), float(ordered[len(values) - place])
