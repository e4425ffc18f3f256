"""What a model costs: its training, its size on the disk, and the time of an answer."""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from vitlab.reporting.comparison.candidates import Candidate
from vitlab.reporting.comparison.recipes import Recipe
from vitlab.reporting.devices import timed_device


def costs(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Epochs, time and sizes, with the sums over the phases before in the same run (S0-20).

    Over folds, epochs and times are those of all trainings together.
    """
    rows = []
    epochs: int | None = 0
    seconds: float | None = 0.0
    run = None
    for number, one in enumerate(candidates, 1):
        if one.run is not run:
            run, epochs, seconds = one.run, 0, 0.0
        trained = [fold.card.get("trained") or {} for fold in one.folds or (one,)]
        own_epochs, own_seconds = _sum(trained, "epochs"), _sum(trained, "seconds")
        epochs = None if epochs is None or own_epochs is None else epochs + own_epochs
        seconds = None if seconds is None or own_seconds is None else seconds + own_seconds
        spent = trained[0].get("spent") or {}
        rows.append(
            {
                "number": number,
                "model": one.name,
                "epochs": own_epochs,
                "cumulative_epochs": epochs,
                "best_epoch": trained[0].get("best_epoch") if not one.folds else None,
                "seconds": own_seconds,
                "cumulative_seconds": seconds,
                "stepping_seconds": spent.get("stepping") if not one.folds else None,
                "compiling_seconds": spent.get("compiling") if not one.folds else None,
                "parameters": one.card.get("parameters"),
                "trainable": trained[0].get("trainable"),
                "weights_bytes": (one.run.network.get("facts") or {}).get("weights_bytes"),
                "checkpoint_bytes": one.checkpoint_bytes,
            }
        )
    return rows


def latencies(recipes: Sequence[Recipe], chosen_by: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Milliseconds of one image against accuracy, of each recipe: no lucky seed is on the front.

    A network that several runs timed on one machine has one time, the median of theirs: it does not
    depend on the weights. Networks that were not timed are left out. `on_front` where no other recipe
    of that machine is as accurate and as fast, and better in one of the two. `chosen_by` has the
    accuracies, see `selection`.
    """
    figures = {row["model"]: row for row in chosen_by}
    times = _times([one for recipe in recipes for one in recipe.models])
    rows = []
    for recipe in recipes:
        for one in {_timed(one): one for one in reversed(recipe.models)}.values():
            measured = one.run.network.get("facts") or {}
            if _timed(one) not in times:
                continue
            rows.append(
                {
                    "number": recipe.number,
                    "model": recipe.name,
                    "milliseconds": statistics.median(times[_timed(one)]),
                    "timings": len(times[_timed(one)]),
                    "gflops": None if measured.get("flops") is None else measured["flops"] / 1e9,
                    "input_size": measured.get("input_size"),
                    "device": timed_device(measured),
                    "system": one.run.manifest.get("system"),
                    "machine": _machine(one),
                    **{key: figures[recipe.name][key] for key in ("accuracy", "accuracy_interval")},
                }
            )
    for row in rows:
        row["on_front"] = not any(
            _dominates(other, row) for other in rows if other["machine"] == row["machine"]
        )
    return rows


def _times(candidates: Sequence[Candidate]) -> dict[tuple[str, ...], list[float]]:
    """What each run measured, once for all its phases, by network and machine."""
    by_run = {
        fold.run.path: (_timed(fold), (fold.run.network.get("facts") or {}).get("milliseconds"))
        for one in candidates
        for fold in one.folds or (one,)
    }
    times: dict[tuple[str, ...], list[float]] = {}
    for key, milliseconds in by_run.values():
        if milliseconds is not None:
            times.setdefault(key, []).append(milliseconds)
    return times


def _timed(one: Candidate) -> tuple[str, ...]:
    """The network, its input and the machine, on which a time depends."""
    measured, card = one.run.network.get("facts") or {}, one.card
    of = (card.get("name"), card.get("options"), measured.get("input_size"))
    return (*(json.dumps(value, sort_keys=True) for value in of), _machine(one))


def _machine(one: Candidate) -> str:
    """The device that a time was measured on, and its system."""
    named = (timed_device(one.run.network.get("facts") or {}), one.run.manifest.get("system"))
    return ", ".join(str(name) for name in named if name) or "?"


def _dominates(other: dict[str, Any], row: dict[str, Any]) -> bool:
    as_good = other["accuracy"] >= row["accuracy"] and other["milliseconds"] <= row["milliseconds"]
    better = other["accuracy"] > row["accuracy"] or other["milliseconds"] < row["milliseconds"]
    return as_good and better


def _sum(rows: Sequence[dict[str, Any]], key: str) -> Any:
    values = [row.get(key) for row in rows]
    return None if any(value is None for value in values) else sum(values)
