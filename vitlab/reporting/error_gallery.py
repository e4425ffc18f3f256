"""The pictures of an error analysis: wrong, uncertain, perhaps mislabelled, seen before, changed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from vitlab.data import PARTS
from vitlab.reporting.gallery import Gallery
from vitlab.reporting.pictures import Answer, Picture

MOST_COPIES = 8  # wrong answers that are shown beside their near copy
MOST_CHANGED = 12  # images that a phase fixed, and that it broke

Entry = dict[str, Any]


def error_galleries(gallery: Gallery, analysis: dict[str, Any]) -> dict[str, list[Picture]]:
    """By the name of the figure; there is none of what did not happen.

    `analysis` is what `analysis.json` says; images are found by their paths.
    """
    row_of = {path: row for row, path in enumerate(gallery.split.table.paths)}

    def shown(entries: list[Entry], caption: str, answers: Callable[[Entry], tuple[Answer, ...]]):
        return [
            gallery.show(row_of[one["path"]], caption.format(**one), answers(one)) for one in entries
        ]

    suspects = analysis["label_errors"]["images"]
    copies = analysis["near_copies"][:MOST_COPIES]
    galleries = {
        "errors_confident": shown(analysis["confidently_wrong"], "{label}", _answer),
        "errors_uncertain": shown(analysis["least_certain"], "{label}", _two_answers),
        "errors_labels": shown(suspects, "labelled {label}", _suggestion),
        "errors_copies": [
            picture
            for one in copies
            for picture in (
                gallery.show(row_of[one["path"]], f"test: {one['label']}", _answer(one)),
                gallery.show(row_of[one["copy"]], f"{PARTS[0]}: {one['copy_label']}"),
            )
        ],
    }
    for change in analysis["changes"]:
        both = partial(_both, before=change["before"], after=change["after"])
        for what in ("fixed", "broken"):
            galleries[f"{what}_{change['after']}"] = shown(change[what][:MOST_CHANGED], "{label}", both)
    return {name: pictures for name, pictures in galleries.items() if pictures}


def _answer(one: Entry) -> tuple[Answer, ...]:
    return (_of(one, "answer", "probability"),)


def _two_answers(one: Entry) -> tuple[Answer, ...]:
    return (_of(one, "answer", "probability"), _of(one, "second", "second_probability"))


def _suggestion(one: Entry) -> tuple[Answer, ...]:
    return (_of(one, "suggested", "suggested_probability"),)


def _both(one: Entry, before: str, after: str) -> tuple[Answer, ...]:
    now = _answer(one)[0]
    return (
        Answer(f"{before}: {one['before']}", one["before"] == one["label"]),
        Answer(f"{after}: {now.text}", now.is_right),
    )


def _of(one: Entry, answer: str, probability: str) -> Answer:
    return Answer(f"{one[answer]} {one[probability]:.0%}", one[answer] == one["label"])
