"""What a run lacks: images of a class in a part, figures that are not defined there, intervals."""

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
_WITH_INTERVAL = {
    "balanced_accuracy": Message("balanced accuracy"),
    "loss": Message("loss"),
    "macro.precision": Message("precision"),
    "macro.recall": Message("recall"),
    "macro.f1": Message("F1"),
    **_SHOWN,
    "ece": Message("ECE"),
    "brier": Message("Brier"),
    "average_precision": Message("average precision"),
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


def without_interval(results: Results) -> list[dict[str, Any]]:
    """For a note: the figures of the test part that are defined and lack an interval, by the reason, and
    the phases whose do: none if all."""
    phases: dict[tuple[str, Message], list[str]] = {}
    for phase in results.phases:
        test = phase.metrics["test"]
        reasons = test.get("bootstrap", {"no_interval": {}})["no_interval"]
        for key, title in _WITH_INTERVAL.items():
            if key in reasons and key not in test["undefined"]:
                phases.setdefault((reasons[key], title), []).append(phase.name)
    figures: dict[tuple[str, tuple[str, ...]], list[Message]] = {}
    for (reason, title), names in phases.items():
        figures.setdefault((reason, tuple(names)), []).append(title)
    return [
        {
            "figures": titles,
            "reason": Message(reason),
            "phases": names if len(names) < len(results.phases) else (),
        }
        for (reason, names), titles in figures.items()
    ]
