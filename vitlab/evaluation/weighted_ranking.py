"""ROC-AUC and average precision of many resamples at once, as means over the classes that have them.

Both are sums over the pairs of an image and another, so that they are matrix products, whose cost grows
with the square of the images and not with the classes.
"""

from collections.abc import Callable, Iterator

import numpy as np
import scipy

from vitlab.evaluation.predictions import Predictions

ROWS_AT_ONCE = 256

Weighted = Callable[[np.ndarray], np.ndarray]  # weights [images, resamples] to values [resamples]


def weighted_area(predictions: Predictions) -> Weighted:
    """How often, over pairs, an image of a class scores above one of another class, ties halved."""
    labels = predictions.labels
    sizes = np.bincount(labels, minlength=predictions.logits.shape[1])
    pairs = sizes * (len(labels) - sizes)
    defined = np.count_nonzero(pairs)

    def values(weights: np.ndarray) -> np.ndarray:
        if not defined:
            return np.full(weights.shape[1], np.nan)
        weights = weights.astype(np.float32)  # sums of fewer than 2^24 / 2 halves lose next to nothing
        total = np.zeros(weights.shape[1])
        for rows, own, theirs in _scores(predictions):
            above = (own > theirs) + np.float32(0.5) * (own == theirs)
            above *= labels[rows][:, None] != labels
            total += (1 / pairs[labels[rows]] / defined) @ (weights[rows] * (above @ weights))
        return total

    return values


def weighted_average_precision(predictions: Predictions) -> Weighted:
    """Over the images of a class the mean precision of all that score as high as each of them."""
    labels = predictions.labels
    sizes = np.bincount(labels, minlength=predictions.logits.shape[1])
    defined = np.count_nonzero(sizes)

    def values(weights: np.ndarray) -> np.ndarray:
        weights = weights.astype(np.float32)
        total = np.zeros(weights.shape[1])
        for rows, own, theirs in _scores(predictions):
            as_high = own <= theirs
            of_class = scipy.sparse.csr_array(
                (as_high & (labels[rows][:, None] == labels)).astype(np.float32)
            )
            answered = as_high.astype(np.float32) @ weights
            precision = (of_class @ weights) / np.where(answered > 0, answered, 1)
            total += (1 / sizes[labels[rows]] / defined) @ (weights[rows] * precision)
        return total

    return values


def _scores(predictions: Predictions) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Some images at a time: what each scores for its class [rows, 1], and all images [rows, images]."""
    labels, probabilities = predictions.labels, predictions.probabilities
    for start in range(0, len(labels), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        theirs = probabilities[:, labels[rows]].T
        own = probabilities[rows][np.arange(len(theirs)), labels[rows]][:, None]
        yield rows, own, theirs
