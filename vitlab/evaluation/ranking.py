"""How well the scores of a class put its images before the others: ROC and precision-recall curves."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curve:
    """What is answered "this class" as the threshold falls; equal scores are answered together.

    Attributes:
        thresholds: [points], falling; the first is infinity, at which nothing is answered.
        right, wrong: [points], how many images of the class and of the others score as high.
    """

    thresholds: np.ndarray
    right: np.ndarray
    wrong: np.ndarray

    @property
    def recall(self) -> np.ndarray:
        return self.right / self.right[-1]

    @property
    def false_positive_rate(self) -> np.ndarray:
        return self.wrong / self.wrong[-1]

    @property
    def precision(self) -> np.ndarray:
        """1 at the first point, where nothing is answered."""
        answered = self.right + self.wrong
        return np.where(answered > 0, self.right / np.maximum(answered, 1), 1.0)

    @property
    def area(self) -> float:
        """Under the ROC curve: how often an image of the class scores above another, ties halved."""
        return float(np.trapezoid(self.right, self.wrong) / (self.right[-1] * self.wrong[-1]))

    @property
    def average_precision(self) -> float:
        """The mean precision over the recall that each threshold adds; nothing is interpolated."""
        return float((np.diff(self.recall) * self.precision[1:]).sum())


def curve(belongs: np.ndarray, scores: np.ndarray) -> Curve:
    """Of whether each image is of the class [n], and its score [n].

    A curve without images of the class, or of others, has no area (see `why_no_area`).
    """
    order = np.argsort(-scores, kind="stable")
    ranked, members = scores[order], belongs[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each group of equals
    right = np.cumsum(members)[last]
    start = (np.array([np.inf]), np.array([0]))
    return Curve(
        np.concatenate([start[0], ranked[last]]),
        np.concatenate([start[1], right]),
        np.concatenate([start[1], last + 1 - right]),
    )


def why_no_area(members: int, images: int) -> str | None:
    """The reason for which a class has no ROC-AUC; None where it has one."""
    if members == 0:
        return "no image of this class"
    return "no image of another class" if members == images else None


GRID = np.linspace(0.0, 1.0, 201)


@dataclass(frozen=True)
class MeanCurves:
    """Means over the classes that have them, at the rates of `GRID` [201]; None where no class has one.

    Attributes:
        recall: at each false positive rate, straight lines between the points: its area is the mean of
            the ROC-AUCs of the classes, but for the steps of the grid.
        precision: at each recall, that of the highest threshold that reaches it: nothing is
            interpolated, as for the average precision.
    """

    recall: np.ndarray | None
    precision: np.ndarray | None


def mean_curves(labels: np.ndarray, probabilities: np.ndarray) -> MeanCurves:
    """Of each class against all others: labels [n], probabilities [n, classes]."""
    recalls, precisions = [], []
    for index in range(probabilities.shape[1]):
        belongs = labels == index
        members = int(belongs.sum())
        if not members:
            continue
        found = curve(belongs, probabilities[:, index])
        places = np.searchsorted(found.recall, GRID, side="left")
        precisions.append(found.precision[places])
        if why_no_area(members, len(labels)) is None:
            recalls.append(np.interp(GRID, found.false_positive_rate, found.recall))
    return MeanCurves(
        np.mean(recalls, axis=0) if recalls else None,
        np.mean(precisions, axis=0) if precisions else None,
    )
