"""What a person should look at: labels that may be wrong, errors that training has nearly seen."""

from collections.abc import Mapping, Sequence
from typing import Any

from vitlab.evaluation import label_errors
from vitlab.reporting.comparison.candidates import Candidate, Compared


def label_suspects(compared: Compared) -> list[dict[str, Any]]:
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


def near_copies(compared: Compared) -> list[dict[str, Any]]:
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


def _paths(compared: Compared) -> dict[str, str]:
    if compared.split is None:
        return {}
    return dict(zip(compared.split.table.ids, compared.split.table.paths, strict=True))
