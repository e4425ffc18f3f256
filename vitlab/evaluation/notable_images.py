"""The images that a person should look at: the wrongest, the least certain, the likely mislabelled."""

from dataclasses import dataclass

import numpy as np

from vitlab.evaluation.predictions import Predictions

# A class all of whose images have one probability must reach its own mean, whatever rounding says.
TOLERANCE = 1e-9


def most_confidently_wrong(predictions: Predictions, count: int) -> np.ndarray:
    """Rows of at most `count` wrong answers, that with the highest probability first."""
    wrong = np.flatnonzero(predictions.answers != predictions.labels)
    confidence = predictions.probabilities[wrong].max(axis=1)
    return wrong[np.argsort(-confidence, kind="stable")][:count]


def least_certain(predictions: Predictions, count: int) -> np.ndarray:
    """Rows of at most `count` images, right or wrong, that with the closest two best answers first.

    Closeness is the difference of the two highest probabilities.
    """
    if predictions.logits.shape[1] == 1:
        return np.arange(0)
    best = np.sort(predictions.probabilities, axis=1)[:, -2:]
    return np.argsort(best[:, 1] - best[:, 0], kind="stable")[:count]


@dataclass(frozen=True)
class LabelErrors:
    """Images that are likely mislabelled, the likeliest first.

    Attributes:
        rows: of the images.
        suggested: the class that each likely is of.
        margin: p(label) - the highest p of another class, between -1 and 1; they are ordered by it.
        joint: [label, likely class], the share of all images that confident learning estimates.
    """

    rows: np.ndarray
    suggested: np.ndarray
    margin: np.ndarray
    joint: np.ndarray


def label_errors(predictions: Predictions) -> LabelErrors:
    """Confident learning (Northcutt, Jiang and Chuang 2021) over out-of-sample predictions.

    A class's threshold is the mean probability that its own images give it. An image counts as of
    those classes whose threshold it reaches, and of the most probable one if there are several; where
    that is not its label, it is a candidate. An image that reaches no threshold counts nowhere, nor is
    a class without images suggested. Predictions of images that the model was trained on find little:
    it has learned their wrong labels.
    """
    labels, probabilities = predictions.labels, predictions.probabilities
    images, classes = probabilities.shape
    every = np.arange(images)
    present = np.bincount(labels, minlength=classes)
    own = probabilities[every, labels]
    sums = np.bincount(labels, weights=own, minlength=classes)
    thresholds = np.where(present > 0, sums / np.maximum(present, 1), np.inf)
    reached = np.where(probabilities >= thresholds - TOLERANCE, probabilities, -1.0)
    likely = np.where(reached.max(axis=1) >= 0, reached.argmax(axis=1), -1)

    others = probabilities.copy()
    others[every, labels] = -np.inf
    margin = own - others.max(axis=1)
    candidates = np.flatnonzero((likely >= 0) & (likely != labels))
    rows = candidates[np.argsort(margin[candidates], kind="stable")]
    joint = _joint(labels, likely, present)
    return LabelErrors(rows, likely[rows], margin[rows], joint)


def _joint(labels: np.ndarray, likely: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The confident counts, each label's scaled to its number of images, as shares (their equation 3).

    A label of which no image counts keeps all its images for itself.
    """
    classes = len(present)
    counted = likely >= 0
    cells = np.bincount(labels[counted] * classes + likely[counted], minlength=classes**2)
    counts = cells.reshape(classes, classes).astype(np.float64)
    empty = counts.sum(axis=1) == 0
    counts[empty, empty] = 1
    return counts / counts.sum(axis=1, keepdims=True) * present[:, None] / present.sum()
