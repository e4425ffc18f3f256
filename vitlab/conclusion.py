"""What follows from a run's saved predictions: its metrics, error analysis, report and model card."""

from typing import Any

import numpy as np

from vitlab import files
from vitlab.config import from_json
from vitlab.data import HARD, PARTS, Collection, Split, near_copies
from vitlab.evaluation import (
    analyse_errors,
    evaluate,
    evaluate_test,
    figure_intervals,
    fit_temperature,
    load_predictions,
)
from vitlab.reporting import write_model_card, write_report
from vitlab.run_directory import RunDirectory, read_json


def conclude(run: RunDirectory, phases: list[str], collection: Collection, split: Split) -> None:
    """Writes them. All phases are trained, and `network.json` is there."""
    files.write_json(run.metrics, _evaluate_parts(run, phases, split))
    files.write_json(run.analysis, _analyse(run, phases, collection, split))
    write_report(run, collection, split)
    write_model_card(run, split)


def _evaluate_parts(run: RunDirectory, phases: list[str], split: Split) -> dict:
    """The metrics of every phase and part, from the saved predictions; the test part has intervals."""
    names = split.table.class_names
    hard = split.table.select(split.rows("test")).column(HARD)
    metrics: dict[str, dict] = {}
    tested = []
    for phase in phases:
        found = {part: load_predictions(run.predictions(phase, part)) for part in PARTS}
        metrics[phase] = {part: evaluate(predictions, names) for part, predictions in found.items()}
        metrics[phase]["test"] = evaluate_test(found["test"], names, hard, fit_temperature(found["val"]))
        tested.append(found["test"])
    seed = from_json(read_json(run.config)).seed
    for phase, intervals in zip(phases, figure_intervals(tested, seed), strict=True):
        metrics[phase]["test"]["bootstrap"] = intervals
    return metrics


def _analyse(
    run: RunDirectory, phases: list[str], collection: Collection, split: Split
) -> dict[str, Any]:
    """The error analysis of the test part, from the saved predictions and the images."""
    rows = split.rows("test")
    models = {phase: load_predictions(run.predictions(phase, "test")) for phase in phases}
    last = models[phases[-1]]
    wrong = rows[np.flatnonzero(last.answers != last.labels)]
    copies = near_copies(collection, wrong, split.rows("train"))
    return analyse_errors(models, split.table.select(rows), split.table, copies)
