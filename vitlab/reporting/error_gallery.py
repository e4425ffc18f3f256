"""The pictures of an error analysis: wrong, uncertain, perhaps mislabelled, seen before, changed."""

import dataclasses
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

from vitlab.language import Message
from vitlab.reporting.gallery import Gallery
from vitlab.reporting.pictures import Answer, Picture

MOST_COPIES = 8  # wrong answers that are shown beside their near copy
MOST_CHANGED = 12  # images that a phase fixed, and that it broke
MOST_SUSPECTS = 12  # labels that may be wrong

Entry = dict[str, Any]


def error_galleries(gallery: Gallery, analysis: dict[str, Any]) -> dict[str, list[Picture]]:
    """By the name of the figure; there is none of what did not happen.

    `analysis` is what `analysis.json` says; images are found by their paths.
    """
    row_of = {path: row for row, path in enumerate(gallery.split.table.paths)}

    def shown(
        entries: list[Entry],
        answers: Callable[[Entry], tuple[Answer, ...]],
        caption: Callable[[Entry], str] = itemgetter("label"),
    ) -> list[Picture]:
        return [
            gallery.show(row_of[one["path"]], caption(one), answers(one), named=True) for one in entries
        ]

    suspects = analysis["label_errors"]["images"][:MOST_SUSPECTS]
    copies = analysis["near_copies"][:MOST_COPIES]
    galleries = {
        "errors_confident": shown(analysis["confidently_wrong"], _answer),
        "errors_uncertain": shown(analysis["least_certain"], _two_answers),
        "errors_labels": shown(
            suspects, _suggestion, lambda one: Message("labelled {label}", label=one["label"])
        ),
        "errors_copies": [
            picture
            for one in copies
            for picture in (
                gallery.show(
                    row_of[one["path"]],
                    Message("test: {label}", label=one["label"]),
                    _answer(one),
                    named=True,
                ),
                gallery.show(
                    row_of[one["copy"]],
                    Message("train: {label}", label=one["copy_label"]),
                    named=True,
                ),
            )
        ],
    }
    for change in analysis["changes"]:
        both = partial(_both, before=change["before"], after=change["after"])
        for what in ("fixed", "broken"):
            galleries[f"{what}_{change['after']}"] = shown(change[what][:MOST_CHANGED], both)
    return {name: pictures for name, pictures in galleries.items() if pictures}


def _answer(one: Entry) -> tuple[Answer, ...]:
    return (_of(one, "answer", "probability"),)


def _two_answers(one: Entry) -> tuple[Answer, ...]:
    return (_of(one, "answer", "probability"), _of(one, "second", "second_probability"))


def _suggestion(one: Entry) -> tuple[Answer, ...]:
    suggested = _of(one, "suggested", "suggested_probability")
    return (dataclasses.replace(suggested, is_suggestion=True),)


def _both(one: Entry, before: str, after: str) -> tuple[Answer, ...]:
    now = _answer(one)[0]
    return (
        Answer(_said(before, one["before"]), one["before"] == one["label"]),
        Answer(_said(after, now.text), now.is_right),
    )


def _of(one: Entry, answer: str, probability: str) -> Answer:
    text = Message("{answer} ({probability:.0%})", answer=one[answer], probability=one[probability])
    return Answer(text, one[answer] == one["label"])


def _said(model: str, answer: str) -> Message:
    return Message("{model}: {answer}", model=model, answer=answer)
