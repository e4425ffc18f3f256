"""What a run has no images for: classes that a part lacks, and figures that are not defined there."""

from typing import Any

from vitlab.data import PARTS, Split
from vitlab.language import Message
from vitlab.reporting.results import Results
from vitlab.reporting.tables import Column, Table

_SHOWN = {  # of those that may be undefined
    "kappa": Message("kappa"),
    "matthews": Message("Matthews"),
    "roc_auc": Message("ROC-AUC"),
}


def classes_without_images(split: Split) -> dict[str, list[str]]:
    """By part; those parts that have images of each class are left out."""
    lacking = {
        part: [name for name, n in split.table.select(split.rows(part)).class_counts().items() if not n]
        for part in PARTS
    }
    return {part: names for part, names in lacking.items() if names}


def undefined_table(results: Results) -> Table:
    """Figures of the tables of results that have a dash there, and why."""
    rows: list[dict[str, Any]] = [
        {"model": phase.name, "part": Message(part), "figure": title, "reason": Message(reasons[key])}
        for phase in results.phases
        for part in PARTS
        for reasons in [phase.metrics[part].get("undefined", {})]
        for key, title in _SHOWN.items()
        if key in reasons
    ]
    columns = (
        Column("model", "model"),
        Column("part", "part"),
        Column("figure", "figure", "words"),
        Column("reason", "reason", "words"),
    )
    return Table("undefined", columns, rows)
