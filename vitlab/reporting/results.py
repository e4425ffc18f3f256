"""What a report is about: everything that a run directory says, read once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitlab import records
from vitlab.data import PARTS
from vitlab.epoch_log import read_lines
from vitlab.evaluation import Predictions, load_predictions
from vitlab.run_directory import RunDirectory, read_json


@dataclass(frozen=True)
class PhaseResult:
    """One model of a run: the best weights of a phase.

    Attributes:
        metrics: per part, as in metrics.json.
        card: model.json.
        log: the lines of log.jsonl that are the phase's.
        checkpoint_bytes: of all that resuming needs, None if it was deleted.
    """

    name: str
    metrics: dict[str, dict[str, Any]]
    card: dict[str, Any]
    log: list[dict[str, Any]]
    predictions: dict[str, Predictions]
    checkpoint_bytes: int | None


@dataclass(frozen=True)
class Results:
    config: dict[str, Any]
    manifest: dict[str, Any]
    network: dict[str, Any]
    analysis: dict[str, Any]
    class_names: tuple[str, ...]
    phases: tuple[PhaseResult, ...]


def read_results(run: RunDirectory) -> Results:
    metrics = read_json(run.metrics)
    log = read_log(run.log)
    phases = tuple(
        PhaseResult(
            name=name,
            metrics=metrics[name],
            card=read_json(run.model(name) / "model.json"),
            log=[line for line in log if line["phase"] == name],
            predictions={part: load_predictions(run.predictions(name, part)) for part in PARTS},
            checkpoint_bytes=folder_size(run.checkpoints / name) or None,
        )
        for name in metrics
    )
    names = tuple(phases[0].card["class_names"])
    return Results(
        read_json(run.config),
        run.manifest,
        read_json(run.network),
        read_json(run.analysis),
        names,
        phases,
    )


def read_log(path: Path) -> list[dict[str, Any]]:
    """The epochs; none where the file was deleted, for everything but the curves is elsewhere."""
    way_out = "take the file away: nothing but the learning curves is lost"
    lines = read_lines(path, way_out)
    for number, line in enumerate(lines, 1):
        records.refuse_other(records.LogLine, line, path, f"line {number}", way_out)
    return lines


def folder_size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
