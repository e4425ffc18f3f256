"""Where the last model of a run errs, and what changed between its phases: as JSON, for people."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.data import NearCopies, Pair, Table
from vitlab.evaluation.changes import Confusion, changes
from vitlab.evaluation.counts import confusion_matrix
from vitlab.evaluation.notable_images import label_errors, least_certain, most_confidently_wrong
from vitlab.evaluation.predictions import Predictions
from vitlab.language import Message

MOST = 12  # images of each kind that are listed; of labels that may be wrong and of what changed, all
MOST_NAMED = 3  # classes in a sentence


def analyse_errors(
    models: Mapping[str, Predictions], tested: Table, whole: Table, copies: NearCopies
) -> dict[str, Any]:
    """Of the test part: what its images and their saved predictions say, for the last of `models`.

    `tested` is the table of the test part, row by row that of the predictions; `copies` are its wrong
    answers and their near copies in the training part, by the rows of the `whole` table.
    """
    (*_, (phase, last)) = models.items()
    entries = _Entries(last, tested)
    suspects = label_errors(last)
    names = tested.class_names
    return {
        "phase": phase,
        "part": "test",
        "n": len(last),
        "wrong": int((last.answers != last.labels).sum()),
        "confidently_wrong": [entries.of(row) for row in most_confidently_wrong(last, MOST)],
        "least_certain": [entries.of(row) for row in least_certain(last, MOST)],
        "label_errors": {
            "found": len(suspects.rows),
            "images": [
                entries.of(row)
                | {
                    "label_probability": entries.chance(row, last.labels[row]),
                    "suggested": names[label],
                    "suggested_probability": entries.chance(row, label),
                }
                for row, label in zip(suspects.rows, suspects.suggested, strict=True)
            ],
        },
        "near_copies": [_copy(pair, whole, entries) for pair in copies.pairs],
        "copies_looked_for": copies.looked_for,
        "classes": class_reading(confusion_matrix(last.labels, last.answers, len(names)), names),
        "changes": [
            _changes(before, after, tested) for before, after in itertools.pairwise(models.items())
        ],
    }


class _Entries:
    """What is said of an image wherever it is named."""

    def __init__(self, predictions: Predictions, table: Table):
        self._predictions, self._table = predictions, table
        self._probabilities = predictions.probabilities
        self._row_of = {path: row for row, path in enumerate(table.paths)}

    def of(self, row: int) -> dict[str, Any]:
        names, label = self._table.class_names, self._predictions.labels[row]
        first, second = np.argsort(-self._predictions.logits[row], kind="stable")[:2]
        return {
            "path": self._table.paths[row],
            "label": names[label],
            "answer": names[first],
            "probability": self.chance(row, first),
            "second": names[second],
            "second_probability": self.chance(row, second),
        }

    def chance(self, row: int, label: int) -> float:
        return float(self._probabilities[row, label])

    def at(self, path: str) -> dict[str, Any]:
        return self.of(self._row_of[path])


def _copy(pair: Pair, whole: Table, entries: _Entries) -> dict[str, Any]:
    return entries.at(whole.paths[pair.first]) | {
        "copy": whole.paths[pair.second],
        "copy_label": whole.class_names[whole.labels[pair.second]],
        "likeness": pair.likeness,
    }


def _changes(
    before: tuple[str, Predictions], after: tuple[str, Predictions], tested: Table
) -> dict[str, Any]:
    """S0-25, with names in the place of rows and labels."""
    names = tested.class_names
    found = changes(before[1], after[1])
    first, second = _Entries(before[1], tested), _Entries(after[1], tested)

    def images(rows: Sequence[int]) -> list[dict[str, Any]]:
        return [{"before": first.of(row)["answer"]} | second.of(row) for row in rows]

    def confusions(cells: Sequence[Confusion]) -> list[dict[str, Any]]:
        return [
            {
                "label": names[cell.label],
                "answer": names[cell.answer],
                "before": cell.before,
                "after": cell.after,
            }
            for cell in cells
        ]

    return {
        "before": before[0],
        "after": after[0],
        "fixed": images(found.fixed),
        "broken": images(found.broken),
        "still_wrong": found.still_wrong,
        "still_right": found.still_right,
        "gone": confusions(found.gone),
        "come": confusions(found.come),
        "became_perfect": [names[label] for label in found.became_perfect],
        "no_longer_perfect": [names[label] for label in found.no_longer_perfect],
    }


def class_reading(matrix: np.ndarray, names: Sequence[str]) -> dict[str, Message]:
    """A sentence or two for each class: who of it is found, and what else is taken for it."""
    return {name: _reading(matrix, label, names) for label, name in enumerate(names)}


def _reading(matrix: np.ndarray, label: int, names: Sequence[str]) -> Message:
    right, answers = matrix[label, label], matrix[:, label].sum()
    found = _found(matrix, label, names)
    if not answers:
        return Message("{found} It is never answered.", found=found)
    if right == answers:
        return Message("{found} Whenever it is answered, that is right.", found=found)
    return Message(
        "{found} Answers of it that are right: {right} of {answers}; else the image is of {others}.",
        found=found,
        answers=answers,
        right=right,
        others=_listed(matrix[:, label], label, names),
    )


def _found(matrix: np.ndarray, label: int, names: Sequence[str]) -> Message:
    right, images = matrix[label, label], matrix[label].sum()
    if not images:
        return Message("It has no test image.")
    if right == images:
        return Message("Its one image is found.", "All its {n} images are found.", n=images)
    return Message(
        "Images of it that are found: {right} of {all}; else it is taken for {others}.",
        right=right,
        all=images,
        others=_listed(matrix[label], label, names),
    )


def _listed(counts: np.ndarray, but: int, names: Sequence[str]) -> str:
    others = [
        (int(count), name)
        for number, (count, name) in enumerate(zip(counts, names, strict=True))
        if count and number != but
    ]
    others.sort(key=lambda other: -other[0])
    named = ", ".join(f"{name} ({count})" for count, name in others[:MOST_NAMED])
    rest = sum(count for count, _ in others[MOST_NAMED:])
    return Message("{names} and others ({rest})", names=named, rest=rest) if rest else named
