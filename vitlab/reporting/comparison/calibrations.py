"""What the temperature of the validation part would make of each model."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlab.evaluation import Temperature, calibration, fit_temperature, made_worse
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Candidate


def calibrations(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """The temperature of the validation part, and what it does to the test part.

    Of a temperature that cannot be relied upon, the note alone; over folds, that of one is enough, and
    the note names them.
    """
    rows = []
    for number, one in enumerate(candidates, 1):
        found = _of_each_fold(one) if one.folds else _of_validation(one)
        scaled = found["after"] if found["is_sound"] else {}
        rows.append(
            {
                "number": number,
                "model": one.name,
                "temperature": found["temperature"] if found["is_sound"] else None,
                "note": found["note"] or made_worse(found),
            }
            | {
                f"{key}_{when}": figures.get(key)
                for key in ("ece", "loss", "brier")
                for when, figures in (("before", found["before"]), ("after", scaled))
            }
        )
    return rows


def _of_validation(one: Candidate) -> dict[str, Any]:
    found = calibration(one.test, fit_temperature(one.predictions["val"]))
    return found | {"is_sound": not found["note"]}


def _of_each_fold(one: Candidate) -> dict[str, Any]:
    """Each fold by its own temperature: what one fold validates on, another tests."""
    fitted = [fit_temperature(fold.predictions["val"]) for fold in one.folds]
    of_image = {
        image: temperature.value
        for fold, temperature in zip(one.folds, fitted, strict=True)
        for image in fold.test.ids
    }
    divisors = np.array([of_image[image] for image in one.test.ids])[:, None]
    as_it_is = Temperature(1.0, "")
    cooled = dataclasses.replace(one.test, logits=one.test.logits.astype(np.float64) / divisors)
    return {
        "temperature": float(np.mean([temperature.value for temperature in fitted])),
        "is_sound": not any(temperature.note for temperature in fitted),
        "note": _note_of_folds(one.folds, fitted),
        "before": calibration(one.test, as_it_is)["before"],
        "after": calibration(cooled, as_it_is)["before"],
    }


def _note_of_folds(folds: Sequence[Candidate], fitted: Sequence[Temperature]) -> Message:
    """With what makes the temperature of a fold unreliable, and so the mean."""
    note = Message("the mean of {folds} folds, each of which is scaled by its own", folds=len(fitted))
    noted: dict[str, list[str]] = {}
    for fold, temperature in zip(folds, fitted, strict=True):
        noted.setdefault(temperature.note, []).append(str(fold.run.config.split.fold))
    noted.pop("", None)
    for reason, names in noted.items():
        values = {"before": note, "names": ", ".join(names), "reason": reason, "n": len(names)}
        note = Message(
            "{before}; of fold {names}, {reason}", "{before}; of folds {names}, {reason}", **values
        )
    return note
