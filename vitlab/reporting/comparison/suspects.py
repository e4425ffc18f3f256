"""What a person should look at: labels that may be wrong, errors that training has nearly seen."""

from collections.abc import Mapping, Sequence
from typing import Any

from vitlab.evaluation import label_errors
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Candidate, Compared, Run

NO_ANSWER_WRONG = Message("None was looked for: no answer is wrong.")
NONE_FOUND = Message("None was found. (Images of fewer than 24 pixels a side are not looked at.)")
NONE_LOOKED_FOR = Message(
    "None was looked for: the images of wrong answers have fewer than 24 pixels a side, or are gone, or "
    "an older vitlab made the runs."
)


def suspects(compared: Compared) -> dict[str, list[Any]]:
    """Rows of both by model, and what is to be said of how the near copies were looked for."""
    copies = _near_copies(compared)
    return {
        "label_errors": _label_suspects(compared),
        "near_copies": copies,
        "about_near_copies": _about_near_copies(compared.runs, are_found=bool(copies)),
    }


def _label_suspects(compared: Compared) -> list[dict[str, Any]]:
    """Of each model what confident learning finds among the test images, likeliest first.

    Over folds, the thresholds of the classes and the rating are of the answers of all folds together,
    in which each image was answered once, by the model that had not seen it.
    """
    paths = _paths(compared)
    rows = []
    for number, one in enumerate(compared.candidates, 1):
        found, probabilities = label_errors(one.test), one.test.probabilities
        for row, suggested in zip(found.rows.tolist(), found.suggested.tolist(), strict=True):
            label, id_ = int(one.test.labels[row]), str(one.test.ids[row])
            rows.append(
                {
                    "number": number,
                    "model": one.name,
                    "id": id_,
                    "path": paths.get(id_, id_[:12]),
                    "label": compared.class_names[label],
                    "label_probability": float(probabilities[row, label]),
                    "suggested": compared.class_names[suggested],
                    "suggested_probability": float(probabilities[row, suggested]),
                }
            )
    return rows


def _near_copies(compared: Compared) -> list[dict[str, Any]]:
    """Of each run's last model the wrong answers with a near copy among its training images.

    As the runs found them, which looked at the images; older ones did not. Of runs that are compared
    on common images, only those.
    """
    path_of = _paths(compared)
    common = {path_of.get(str(id_)) for id_ in compared.candidates[0].test.ids}
    rows = []
    for number, one in enumerate(compared.candidates, 1):
        for part in one.folds or (one,):
            rows += [
                {"number": number, "model": one.name} | {key: copy.get(key) for key in _KEYS}
                for copy in _found(part)
                if not compared.left_out or copy.get("path") in common
            ]
    return rows


_KEYS = ("path", "label", "answer", "probability", "copy", "copy_label", "likeness")


def _found(one: Candidate) -> Sequence[Mapping[str, Any]]:
    analysis = one.run.analysis
    return analysis.get("near_copies", ()) if analysis.get("phase") == one.phase else ()


def _about_near_copies(runs: Sequence[Run], *, are_found: bool) -> list[Message]:
    """That none was found, or looked for, and where: a reader cannot tell it from an empty list."""
    missed = sum(map(_has_missed, runs))
    if not are_found and not any(map(_has_looked, runs)):
        return [NONE_LOOKED_FOR if missed else NO_ANSWER_WRONG]
    told = [] if are_found else [NONE_FOUND]
    if missed:
        text = Message(
            "Runs that looked for no near copies, because the images of wrong answers have fewer than "
            "24 pixels a side, or are gone, or an older vitlab made them: {some} of {all}.",
            some=missed,
            all=len(runs),
        )
        told.append(text)
    return told


def _has_looked(run: Run) -> bool:
    """Versions that did not note for how many, looked for all."""
    return "near_copies" in run.analysis and bool(run.analysis.get("copies_looked_for", True))


def _has_missed(run: Run) -> bool:
    return not _has_looked(run) and run.analysis.get("wrong") != 0


def _paths(compared: Compared) -> dict[str, str]:
    if compared.split is None:
        return {}
    return dict(zip(compared.split.table.ids, compared.split.table.paths, strict=True))
