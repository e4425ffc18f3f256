"""What weights had met before the training: a test of images that they know is no test."""

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from vitlab.data import signs_again
from vitlab.errors import InputError
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Run


def pretraining_warnings(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Of runs whose starting weights have met test images, or may have; those alike are told together.

    `met` and `tested` are of the test part that a run had for itself; None where only names are a sign.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        known = run.manifest.get("pretraining") or {}
        if known.get("met") and known.get("tested") is None:
            raise InputError(
                f"cannot read {run.path / 'manifest.json'}: its pretraining does not say of how many "
                "images (tested) the weights have met some; train the run again"
            )
        if known.get("met") or known.get("signs"):
            groups.setdefault(json.dumps(known, sort_keys=True), []).append(run)
    return [_warning(group) for group in groups.values()]


def _warning(group: Sequence[Run]) -> dict[str, Any]:
    known = group[0].manifest["pretraining"]
    names = ", ".join(run.name for run in group)
    return {
        "runs": [run.name for run in group],
        "data": known.get("data"),
        "signs": list(known.get("signs") or ()),
        "met": known.get("met"),
        "tested": known.get("tested"),
        "warning": _sentence(names, known),
    }


def _sentence(runs: str, known: Mapping[str, Any]) -> Message:
    if known.get("met"):
        return Message(
            "Test images that the weights at the start of {names} were trained on or chosen by: {met} "
            "of {tested}. What is said of it here holds for no new images, and beside models that began "
            "otherwise it looks too good.",
            names=runs,
            met=known["met"],
            tested=known["tested"],
        )
    return Message(
        "The weights at the start of {names} may have been trained on these images: {signs}. Then what "
        "is said of it here holds for no new images, and beside models that began otherwise it looks "
        "too good.",
        names=runs,
        signs=functools.reduce(_and_then, signs_again(known["signs"])),
    )


def _and_then(first: str, second: str) -> str:
    return Message("{first}; {second}", first=first, second=second)
