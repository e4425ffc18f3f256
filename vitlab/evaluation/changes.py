"""What changed from one model to another on the same images: images, confusions, classes (S0-25)."""

from dataclasses import dataclass

import numpy as np

from vitlab.evaluation.counts import confusion_matrix
from vitlab.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Confusion:
    """Images of the class `label` for which `answer` was given: how many before, how many after."""

    label: int
    answer: int
    before: int
    after: int


@dataclass(frozen=True)
class Changes:
    """From a model `before` to a model `after`.

    Attributes:
        fixed, broken: rows of the images that became right, and that became wrong.
        still_wrong, still_right: how many stayed as they were.
        gone, come: confusions that only the one or only the other model has, the most frequent first.
        became_perfect, no_longer_perfect: classes whose images are all right for one model alone.
    """

    fixed: tuple[int, ...]
    broken: tuple[int, ...]
    still_wrong: int
    still_right: int
    gone: tuple[Confusion, ...]
    come: tuple[Confusion, ...]
    became_perfect: tuple[int, ...]
    no_longer_perfect: tuple[int, ...]


def changes(before: Predictions, after: Predictions) -> Changes:
    """Of two models whose rows are the same images (see `pairing.same_images`)."""
    was_right = before.answers == before.labels
    is_right = after.answers == after.labels
    classes = before.logits.shape[1]
    first, second = (confusion_matrix(model.labels, model.answers, classes) for model in (before, after))
    perfect_before, perfect_after = _perfect(first), _perfect(second)
    return Changes(
        fixed=_rows(~was_right & is_right),
        broken=_rows(was_right & ~is_right),
        still_wrong=int((~was_right & ~is_right).sum()),
        still_right=int((was_right & is_right).sum()),
        gone=_confusions(first, second, (first > 0) & (second == 0)),
        come=_confusions(first, second, (first == 0) & (second > 0)),
        became_perfect=_rows(~perfect_before & perfect_after),
        no_longer_perfect=_rows(perfect_before & ~perfect_after),
    )


def _perfect(matrix: np.ndarray) -> np.ndarray:
    """Whether all of a class's images are right; a class without images is not perfect."""
    images = matrix.sum(axis=1)
    return (images > 0) & (np.diagonal(matrix) == images)


def _confusions(before: np.ndarray, after: np.ndarray, chosen: np.ndarray) -> tuple[Confusion, ...]:
    cells = [
        Confusion(label, answer, int(before[label, answer]), int(after[label, answer]))
        for label, answer in np.argwhere(chosen).tolist()
        if label != answer
    ]
    return tuple(sorted(cells, key=lambda cell: -max(cell.before, cell.after)))


def _rows(chosen: np.ndarray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(chosen).tolist())
