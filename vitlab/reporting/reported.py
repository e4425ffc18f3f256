"""What a study reported beside what ours came to: one column each, of models that a study had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitlab.reported_figures import Reported
from vitlab.reporting.tables import Column, Kind, Table


@dataclass(frozen=True)
class _Figure:
    """How a figure of a study is shown.

    Attributes:
        key: its name among ours, if it has another there, as of what is measured in another unit.
        unit: what one of the study's is in ours.
    """

    title: str
    kind: Kind
    key: str = ""
    unit: float = 1


_FIGURES = {
    "accuracy": _Figure("test accuracy", "percent"),
    "loss": _Figure("test loss", "number"),
    "kappa": _Figure("test kappa", "number"),
    "val_accuracy": _Figure("val accuracy", "percent"),
    "val_loss": _Figure("val loss", "number"),
    "train_accuracy": _Figure("train accuracy", "percent"),
    "train_loss": _Figure("train loss", "number"),
    "epochs": _Figure("epochs", "count"),
    "minutes": _Figure("time", "seconds", "seconds", 60),
    "weights_megabytes": _Figure("weights", "bytes", "weights_bytes", 1e6),
    "checkpoint_megabytes": _Figure("checkpoint", "bytes", "checkpoint_bytes", 1e6),
}


def reported_row(
    reported: Reported, phase: str, metrics: Mapping[str, Any], costs: Mapping[str, Any]
) -> dict[str, Any] | None:
    """A model's figures and those that a study reported of it, in our units; None where there are none.

    `metrics` are by part, as in metrics.json; `costs` may hold the epochs, seconds and sizes.
    """
    theirs = reported.phases.get(phase)
    if not theirs:
        return None
    ours = {
        **{key: metrics["test"][key] for key in ("accuracy", "loss", "kappa")},
        **{
            f"{part}_{key}": metrics[part][key]
            for part in ("val", "train")
            for key in ("accuracy", "loss")
        },
        **{key: costs.get(key) for key in ("epochs", "seconds", "weights_bytes", "checkpoint_bytes")},
    }
    row: dict[str, Any] = {"source": reported.source}
    for name, figure in _FIGURES.items():
        key = figure.key or name
        row[key] = ours[key]
        value = theirs[name] * figure.unit if name in theirs else None
        if value is not None and figure.kind in ("count", "bytes"):
            value = round(value)
        row[f"{key}_reported"] = value
    return row


def reported_table(rows: Sequence[Mapping[str, Any]], first: tuple[Column, ...]) -> Table:
    """Of the figures that a study has of one of the models at least; `first` columns name the model."""
    columns = []
    for name, figure in _FIGURES.items():
        key = figure.key or name
        if any(row[f"{key}_reported"] is not None for row in rows):
            columns.append(Column(key, figure.title, figure.kind))
            columns.append(Column(f"{key}_reported", "reported by the study", figure.kind))
    source = Column("source", "source of the reported", "words")
    return Table("reported", (*first, source, *columns), rows)
