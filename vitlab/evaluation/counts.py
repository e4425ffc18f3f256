"""The figures that need no more than counts: per class, how many images it has, how often it was
answered, and how often rightly. They are functions of arrays: thousands of resamples are one call.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vitlab.language import Message


@dataclass(frozen=True)
class Counts:
    """Arrays [..., classes] of numbers of images (or of their weights, in a resample).

    Everything here follows from them, as they are the margins and the diagonal of the confusion matrix.
    """

    right: np.ndarray
    answered: np.ndarray
    present: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return self.present.sum(axis=-1)


def counts_of(matrix: np.ndarray) -> Counts:
    """Of a confusion matrix [true class, answer]."""
    return Counts(np.diagonal(matrix), matrix.sum(axis=0), matrix.sum(axis=1))


def confusion_matrix(labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Numbers of images [true class, answer]."""
    cells = np.bincount(labels.astype(np.int64) * classes + answers, minlength=classes * classes)
    return cells.reshape(classes, classes)


def row_shares(matrix: np.ndarray) -> list[list[float | None]]:
    """The confusion matrix as shares of each true class; None throughout a class without images."""
    return [
        [None] * len(row) if row.sum() == 0 else (row / row.sum()).tolist() for row in np.asarray(matrix)
    ]


# Each of these gives [...] for counts [..., classes], and NaN where the figure is not defined.


def accuracy(counts: Counts) -> np.ndarray:
    return _ratio(counts.right.sum(axis=-1), counts.total)


def balanced_accuracy(counts: Counts) -> np.ndarray:
    """The mean recall of the classes that have images."""
    return _mean(recalls(counts), counts.present > 0)


def kappa(counts: Counts) -> np.ndarray:
    """Cohen's (1960): agreement beyond that of chance. Undefined where one class is all there is."""
    by_chance = (counts.present * counts.answered).sum(axis=-1) / counts.total**2
    return _ratio(accuracy(counts) - by_chance, 1 - by_chance)


def matthews(counts: Counts) -> np.ndarray:
    """The correlation of labels and answers (Gorodkin 2004). Undefined where either is one class."""
    total = counts.total
    together = counts.right.sum(axis=-1) * total - (counts.present * counts.answered).sum(axis=-1)
    of_labels = total**2 - (counts.present**2).sum(axis=-1)
    of_answers = total**2 - (counts.answered**2).sum(axis=-1)
    # Of weights that are one class rounding may leave less than 0, and of a perfect model more than 1.
    both = np.sqrt(np.maximum(of_labels, 0.0)) * np.sqrt(np.maximum(of_answers, 0.0))
    return np.clip(_ratio(together, both), -1.0, 1.0)


def precisions(counts: Counts) -> np.ndarray:
    """[..., classes]; 0 for a class that was never answered."""
    return counts.right / np.where(counts.answered > 0, counts.answered, 1)


def recalls(counts: Counts) -> np.ndarray:
    """[..., classes]; 0 for a class without images, which every mean here leaves out."""
    return counts.right / np.where(counts.present > 0, counts.present, 1)


def f1_scores(counts: Counts) -> np.ndarray:
    """[..., classes]; 0 for a class without images that was never answered."""
    both = counts.present + counts.answered
    return 2 * counts.right / np.where(both > 0, both, 1)


Figure = Callable[[Counts], np.ndarray]


def macro(of_classes: Figure) -> Figure:
    """The mean over the classes that have images."""
    return lambda counts: _mean(of_classes(counts), counts.present > 0)


def weighted(of_classes: Figure) -> Figure:
    """The mean over the classes, each as often as it has images."""
    return lambda counts: (of_classes(counts) * counts.present).sum(axis=-1) / counts.total


def _mean(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.where(chosen, values, 0).sum(axis=-1) / chosen.sum(axis=-1)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    # Rounding must not make a figure out of 0 / 0: weights are not whole numbers.
    defined = np.abs(below) > 1e-12
    return np.where(defined, above / np.where(defined, below, 1), np.nan)


# The reading of kappa in six bands (Landis and Koch 1977); each holds its upper end.
BANDS = (
    (0.2, Message("slight")),
    (0.4, Message("fair")),
    (0.6, Message("moderate")),
    (0.8, Message("substantial")),
    (1.0, Message("almost perfect")),
)


def kappa_reading(value: float) -> Message:
    """What a kappa is called: "poor" below 0, and so on (S2-23)."""
    if value < 0:
        return Message("poor")
    return next(name for top, name in BANDS if value <= top + 1e-12)
