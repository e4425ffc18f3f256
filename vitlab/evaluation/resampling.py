"""Thousands of test parts that might have been: every figure of every model on the same resamples.

Resamples are drawn within each class, for a split is drawn so too. From n images of a class n - 1 are
drawn with replacement and count n / (n - 1) each (Rao and Wu 1988): drawing n would make the spread too
small by the factor (n - 1) / n, which is much where classes have five test images. A class with a
single test image does not vary at all, and no bootstrap can know how much it should: where more than a
tenth of the images are such, only figures that are means over the images are resampled, and from all
images together; from a handful of images nothing is (`is_resampled`).

A resample is a weight for each image, so that a figure is a function of an array of weights
[images, resamples], and all resamples are a few matrix products.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import scipy

from vitlab.evaluation import counts as counting
from vitlab.evaluation.calibration import brier_scores, confidence_bins, losses
from vitlab.evaluation.counts import Counts
from vitlab.evaluation.metrics import TOP, is_top
from vitlab.evaluation.predictions import Predictions
from vitlab.evaluation.weighted_ranking import Weighted, weighted_area, weighted_average_precision

RESAMPLES = 10_000
WEIGHTS_AT_ONCE = 2**22
STEP = 1e-3
MOST_SINGLES = 0.1  # of the images; a tenth makes the spread a twentieth too small
FEWEST_IMAGES = 20  # of a test part: of ten, intervals of a loss held the truth in 85 % of cases

# By the keys of metrics.json. Those of counts are functions of arrays already; those of images are the
# means of a value that each image has.
OF_COUNTS: dict[str, counting.Figure] = {
    "accuracy": counting.accuracy,
    "balanced_accuracy": counting.balanced_accuracy,
    "kappa": counting.kappa,
    "matthews": counting.matthews,
    "macro.precision": counting.macro(counting.precisions),
    "macro.recall": counting.macro(counting.recalls),
    "macro.f1": counting.macro(counting.f1_scores),
    "weighted.precision": counting.weighted(counting.precisions),
    "weighted.recall": counting.weighted(counting.recalls),
    "weighted.f1": counting.weighted(counting.f1_scores),
}
OF_IMAGES: dict[str, Callable[[Predictions], np.ndarray]] = {
    "loss": losses,
    "brier": brier_scores,
    f"top_{TOP}_accuracy": lambda predictions: is_top(predictions, TOP),
}
OF_RANKS: dict[str, Callable[[Predictions], Weighted]] = {
    "roc_auc": weighted_area,
    "average_precision": weighted_average_precision,
}
# What the paired bootstrap tests models by, and why not by others.
NOT_TESTABLE = {
    "accuracy": "models are always tested by it",
    "ece": "chance adds more to a calibration error than it varies, so that no test would hold",
    f"top_{TOP}_accuracy": "so few images change it that no test would find anything",
}
TESTABLE = tuple(figure for figure in (*OF_COUNTS, *OF_IMAGES, *OF_RANKS) if figure not in NOT_TESTABLE)
LOWER_IS_BETTER = frozenset({"loss", "brier", "ece"})
_LIMITS = {"kappa": (-1.0, 1.0), "matthews": (-1.0, 1.0), "brier": (0.0, 2.0), "loss": (0.0, np.inf)}


def limits(figure: str) -> tuple[float, float]:
    """Between which it lies, whatever the answers."""
    return _LIMITS.get(figure, (0.0, 1.0))


def most_difference(figure: str) -> float:
    """How far two models can be apart by it."""
    least, most = limits(figure)
    return most - least


def is_resampled(figure: str, labels: np.ndarray) -> bool:
    """Whether resamples tell how it varies: not of fewer than 20 images, and where too many classes have
    a single one, of means over the images alone."""
    if len(labels) < FEWEST_IMAGES:
        return False
    return figure in OF_IMAGES or not _has_many_singles(labels)


def _has_many_singles(labels: np.ndarray) -> bool:
    return int((np.bincount(labels) == 1).sum()) > MOST_SINGLES * len(labels)


def _strata(labels: np.ndarray) -> np.ndarray:
    return np.zeros_like(labels) if _has_many_singles(labels) else labels


def resampled(
    models: Sequence[Predictions], figures: Sequence[str], seed: int, resamples: int = RESAMPLES
) -> np.ndarray:
    """Values [figures, models, resamples] of models whose rows are the same images with the same labels,
    of figures that `is_resampled` says yes to.

    In a resample where every answer is one class, Matthews' correlation is 0.
    """
    labels = models[0].labels
    functions = [weighted(model, figures) for model in models]
    found = np.empty((len(figures), len(models), resamples))
    start = 0
    for weights in draw_weights(_strata(labels), np.random.default_rng(seed), resamples):
        stop = start + weights.shape[1]
        for index, function in enumerate(functions):
            found[:, index, start:stop] = function(weights)
        start = stop
    return np.nan_to_num(found)


def estimates(predictions: Predictions, figures: Sequence[str]) -> np.ndarray:
    """The figures themselves [figures], NaN where one is not defined."""
    return weighted(predictions, figures)(np.ones((len(predictions), 1)))[:, 0]


def influences(models: Sequence[Predictions], figures: Sequence[str]) -> np.ndarray:
    """How much each figure moves with the weight of each image in its class [models, figures, images].

    The infinitesimal jackknife (Jaeckel 1972), by a small step. The models' rows are the same images.
    """
    labels, images = _strata(models[0].labels), len(models[0])
    sizes = np.bincount(labels)[labels]
    functions = [weighted(model, figures) for model in models]
    found = np.empty((len(models), len(figures), images))
    for start in range(0, images, size := max(1, WEIGHTS_AT_ONCE // images)):
        moved = np.arange(start, min(start + size, images))
        weights = 1 - STEP * (labels[:, None] == labels[moved]) / sizes[moved]
        weights[moved, moved - start] += STEP
        for index, function in enumerate(functions):
            found[index][:, moved] = function(weights)
    standing = np.array([estimates(model, figures) for model in models])
    return (found - standing[:, :, None]) / STEP


def draw_weights(
    labels: np.ndarray, generator: np.random.Generator, resamples: int
) -> Iterator[np.ndarray]:
    """Weights [images, some resamples], in pieces that fit into memory; each class keeps its sum."""
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    size = max(1, WEIGHTS_AT_ONCE // len(labels))
    for start in range(0, resamples, size):
        piece = min(size, resamples - start)
        weights = np.ones((len(labels), piece))
        for rows in members:
            if len(rows) > 1:
                weights[rows] = _draw_class(len(rows), piece, generator)
        yield weights


def _draw_class(images: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    drawn = generator.integers(0, images, (images - 1, resamples), dtype=np.int32)
    cells = drawn * np.int64(resamples) + np.arange(resamples)
    counts = np.bincount(cells.ravel(), minlength=images * resamples)
    return counts.reshape(images, resamples) * (images / (images - 1))


# ---------------------------------------------------------------------------- figures of weights


def weighted(predictions: Predictions, figures: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of weights [images, resamples] that gives all the figures [figures, resamples]."""
    tally = _tally(predictions)
    others = {
        name: _others(name, predictions) for name in dict.fromkeys(figures) if name not in OF_COUNTS
    }

    def values(weights: np.ndarray) -> np.ndarray:
        counts = tally(weights) if len(others) < len(set(figures)) else None
        return np.stack(
            [
                others[name](weights) if counts is None or name in others else OF_COUNTS[name](counts)
                for name in figures
            ]
        )

    return values


def _tally(predictions: Predictions) -> Callable[[np.ndarray], Counts]:
    """A function of weights [images, resamples] that counts [resamples, classes]."""
    labels, answers = predictions.labels, predictions.answers
    images, classes = predictions.logits.shape
    every = np.arange(images)
    right = np.flatnonzero(labels == answers)
    present = np.bincount(labels, minlength=classes)  # the same in each resample

    def membership(rows: np.ndarray, columns: np.ndarray) -> scipy.sparse.csr_array:
        return scipy.sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(classes, images))

    of_right, of_answers = membership(labels[right], right), membership(answers, every)
    return lambda weights: Counts((of_right @ weights).T, (of_answers @ weights).T, present)


def _others(name: str, predictions: Predictions) -> Weighted:
    if name == "ece":
        return _calibration_error(predictions)
    if name in OF_RANKS:
        return OF_RANKS[name](predictions)
    values = OF_IMAGES[name](predictions) / len(predictions)
    return lambda weights: values @ weights


def _calibration_error(predictions: Predictions) -> Weighted:
    confidence = predictions.probabilities.max(axis=1)
    gaps = (predictions.answers == predictions.labels) - confidence
    images = np.arange(len(gaps))
    bins = scipy.sparse.csr_array((gaps / len(gaps), (confidence_bins(confidence), images)))
    return lambda weights: np.abs(bins @ weights).sum(axis=0)
