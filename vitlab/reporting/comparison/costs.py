"""What a model costs: its training, its size on the disk, and the time of an answer."""

from collections.abc import Sequence
from typing import Any

from vitlab.reporting.comparison.candidates import Candidate


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
                "weights_bytes": one.weights_bytes,
                "checkpoint_bytes": one.checkpoint_bytes,
            }
        )
    return rows


def latencies(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Milliseconds of one image against accuracy; `on_front` where no other model is as accurate and as
    fast, and better in one of the two. Runs whose network was not timed are left out."""
    rows = []
    for number, one in enumerate(candidates, 1):
        measured = one.run.network.get("facts") or {}
        if measured.get("milliseconds") is None:
            continue
        rows.append(
            {
                "number": number,
                "model": one.name,
                "milliseconds": measured["milliseconds"],
                "gflops": None if measured.get("flops") is None else measured["flops"] / 1e9,
                "input_size": measured.get("input_size"),
                "device": measured.get("device"),
                "system": one.run.manifest.get("system"),
                "accuracy": float((one.test.answers == one.test.labels).mean()),
            }
        )
    for row in rows:
        row["on_front"] = not any(_dominates(other, row) for other in rows)
    return rows


def _dominates(other: dict[str, Any], row: dict[str, Any]) -> bool:
    as_good = other["accuracy"] >= row["accuracy"] and other["milliseconds"] <= row["milliseconds"]
    better = other["accuracy"] > row["accuracy"] or other["milliseconds"] < row["milliseconds"]
    return as_good and better


def _sum(rows: Sequence[dict[str, Any]], key: str) -> Any:
    values = [row.get(key) for row in rows]
    return None if any(value is None for value in values) else sum(values)
