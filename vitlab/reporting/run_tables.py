"""The tables of a run's report: which figures of its files stand where, under which titles."""

from collections.abc import Mapping
from typing import Any

from vitlab.config import Config
from vitlab.data import PARTS
from vitlab.evaluation import made_worse
from vitlab.language import Message
from vitlab.reporting.missing import undefined_table
from vitlab.reporting.phase_tests import phase_tests_table
from vitlab.reporting.reported import reported_row, reported_table
from vitlab.reporting.results import PhaseResult, Results
from vitlab.reporting.tables import Column, Table

SCORES = ("precision", "recall", "f1")
_TITLES = (Message("precision"), Message("recall"), Message("F1"))
MOST_LAYERS = 2000  # on a page; of classes, as many as of other rows

Row = dict[str, Any]


def run_tables(results: Results, config: Config, tests: list[Row]) -> dict[str, Table]:
    """By name, with those `tests` of the phases (see `phase_tests`); those without rows are left out."""
    every = [
        Table("results", _RESULTS, _results(results)),
        Table("more_results", _MORE_RESULTS, _results(results)),
        undefined_table(results),
        phase_tests_table(tests),
        Table("hard_groups", _HARD_GROUPS, _hard_groups(results)),
        Table("costs", _COSTS, cost_rows(results, config)),
        Table("networks", _NETWORKS, _networks(results.network)),
        Table("operators", _OPERATORS, _operators(results.network)),
        Table("layers", _LAYERS, _layers(results.network), most=MOST_LAYERS),
        Table("classes", _class_columns(results), _classes(results), foot=_means(results)),
        Table("calibration", _CALIBRATION, calibration_rows(results)),
        reported_table(_reported(results, config), (Column("model", "model"),)),
        Table("label_errors", _LABEL_ERRORS, results.analysis["label_errors"]["images"]),
    ]
    return {table.name: table for table in every if table.rows}


def cost_rows(results: Results, config: Config) -> list[Row]:
    """Epochs, time and sizes of each model, with the sums over the phases before it (S0-20)."""
    rows, epochs, seconds = [], 0, 0.0
    for phase in results.phases:
        trained = phase.card["trained"]
        epochs += trained["epochs"]
        seconds += trained["seconds"]
        rows.append(
            {
                **trained,
                "model": phase.name,
                "is_augmented": bool(config.phases[phase.name].augmentation),
                "views": config.phases[phase.name].views,
                "cumulative_epochs": epochs,
                "cumulative_seconds": seconds,
                "parameters": phase.card["parameters"],
                "weights_bytes": results.network["facts"]["weights_bytes"],
                "checkpoint_bytes": phase.checkpoint_bytes,
                "ms_per_step": phase.log[-1]["time"]["ms_per_step"] if phase.log else None,
            }
        )
    return rows


def calibration_rows(results: Results) -> list[Row]:
    """Of the test part, as it is and with the temperature that the validation part asks for.

    Of a temperature that cannot be relied upon, the note alone.
    """
    rows = []
    for phase in results.phases:
        found = phase.metrics["test"]["calibration"]
        scaled = found["after"] if not found["note"] else dict.fromkeys(_SCALED)
        rows.append(
            {
                "model": phase.name,
                **{f"{key}_before": found["before"][key] for key in _SCALED},
                **{f"{key}_after": scaled[key] for key in _SCALED},
                "temperature": None if found["note"] else found["temperature"],
                "note": Message(found["note"]) if found["note"] else made_worse(found),
            }
        )
    return rows


def _results(results: Results) -> list[Row]:
    return [
        {"model": phase.name, "part": Message(part), **_flat(phase.metrics[part])}
        for phase in results.phases
        for part in PARTS
    ]


def _flat(scores: Mapping[str, Any]) -> Row:
    """Figures that older runs do not have are None; the means over the classes are called macro_…"""
    known = dict.fromkeys(column.key for column in (*_RESULTS[2:], *_MORE_RESULTS[2:]))
    reading = scores.get("kappa_reading")
    return {
        **known,
        **scores,
        **{f"macro_{key}": scores["macro"][key] for key in SCORES},
        **_intervals(scores),
        "kappa_reading": reading and Message(reading),
    }


def _intervals(scores: Mapping[str, Any]) -> Row:
    """The bootstrap's, which the test part has."""
    found = scores.get("bootstrap", {"intervals": {}})["intervals"]
    return {f"{key.replace('.', '_')}_interval": interval for key, interval in found.items()}


def _reported(results: Results, config: Config) -> list[Row]:
    """Each model beside what a study reported of it."""
    rows = []
    for phase, cost in zip(results.phases, cost_rows(results, config), strict=True):
        row = reported_row(config.report.reported, phase.name, phase.metrics, cost)
        if row is not None:
            rows.append({"model": phase.name, **row})
    return rows


def _hard_groups(results: Results) -> list[Row]:
    return [
        {"model": phase.name, "group": name, **group}
        for phase in results.phases
        for name, group in phase.metrics["test"].get("hard", {}).items()
    ]


def _networks(network: Mapping[str, Any]) -> list[Row]:
    facts, published = network["facts"], network["published"] or {}
    own = {
        **facts,
        "network": network["name"],
        "is_own": True,
        "gflops": None if facts["flops"] is None else facts["flops"] / 1e9,
        "top1": published.get("top1"),
        "top5": published.get("top5"),
    }
    unmeasured = {"is_own": False, "layers": None, "gflops": None, "milliseconds": None}
    others = network.get("others", [])
    return [own, *({**other, "network": other["weights"], **unmeasured} for other in others)]


def _operators(network: Mapping[str, Any]) -> list[Row]:
    return [
        {**row, "input": f"{row['size']} × {row['size']} × {row['channels']}"}
        for row in network["operators"]
    ]


def _layers(network: Mapping[str, Any]) -> list[Row]:
    return [
        {**layer, "shape": " × ".join(map(str, layer["output"])) if layer["output"] else None}
        for layer in network["layers"]
    ]


def _classes(results: Results) -> list[Row]:
    """A row for each class (S0-21)."""
    rows = []
    for name in results.class_names:
        row: Row = {"class": name}
        for phase in results.phases:
            found = phase.metrics["test"]["classes"][name]
            row |= {"n": found["n"]} | {_of(phase, score): found[score] for score in SCORES}
        rows.append(row)
    return rows


def _means(results: Results) -> list[Row]:
    """Over the classes, all as important as each other or each by its images."""
    rows = []
    for mean, title in (("macro", Message("macro mean")), ("weighted", Message("weighted mean"))):
        row: Row = {"class": title}
        for phase in results.phases:
            found = phase.metrics["test"]
            row |= {"n": found["n"]} | {_of(phase, score): found[mean][score] for score in SCORES}
        rows.append(row)
    return rows


def _class_columns(results: Results) -> tuple[Column, ...]:
    """A phase is named where there are several."""
    several = len(results.phases) > 1
    return (
        Column("class", "class"),
        Column("n", "n", "count"),
        *(
            Column(
                _of(phase, score),
                Message("{model}: {figure}", model=phase.name, figure=title) if several else title,
                "number",
            )
            for phase in results.phases
            for score, title in zip(SCORES, _TITLES, strict=True)
        ),
    )


def _of(phase: PhaseResult, score: str) -> str:
    return f"{phase.name} {score}"


_SCALED = ("ece", "loss", "brier")

_MORE_RESULTS = (
    Column("model", "model"),
    Column("part", "part"),
    Column("top_5_accuracy", "top 5", "percent"),
    Column("matthews", "Matthews", "number"),
    Column("brier", "Brier", "number"),
    Column("average_precision", "average precision", "number"),
)
_RESULTS = (
    Column("model", "model"),
    Column("part", "part"),
    Column("n", "n", "count"),
    Column("accuracy", "accuracy", "percent"),
    Column("balanced_accuracy", "balanced", "percent"),
    Column("loss", "loss", "number"),
    Column("macro_precision", "precision", "number"),
    Column("macro_recall", "recall", "number"),
    Column("macro_f1", "F1", "number"),
    Column("kappa", "kappa", "number"),
    Column("kappa_reading", "reading", "words"),
    Column("roc_auc", "ROC-AUC", "number"),
    Column("ece", "ECE", "number"),
)
_HARD_GROUPS = (
    Column("model", "model"),
    Column("group", "group"),
    Column("n", "n", "count"),
    Column("accuracy", "accuracy", "percent"),
    Column("loss", "loss", "number"),
)
_COSTS = (
    Column("model", "model"),
    Column("epochs", "epochs", "count"),
    Column("cumulative_epochs", "in total", "count"),
    Column("best_epoch", "best epoch", "count"),
    Column("seconds", "time", "seconds"),
    Column("cumulative_seconds", "in total", "seconds"),
    Column("ms_per_step", "ms a step", "short"),
    Column("parameters", "parameters", "count"),
    Column("trainable", "trained", "count"),
    Column("weights_bytes", "weights", "bytes"),
    Column("checkpoint_bytes", "checkpoint", "bytes"),
)
_NETWORKS = (
    Column("network", "network"),
    Column("is_own", "of this run", "flag"),
    Column("input_size", "pixels", "count"),
    Column("weights_bytes", "weights", "bytes"),
    Column("parameters", "parameters", "count"),
    Column("layers", "layers", "count"),
    Column("gflops", "GFLOPs", "short"),
    Column("milliseconds", "ms an image", "short"),
    Column("top1", "published top-1, %", "short"),
    Column("top5", "top-5, %", "short"),
)
_OPERATORS = (
    Column("input", "input"),
    Column("operator", "operator"),
    Column("expansion", "t", "plain"),
    Column("out_channels", "c", "plain"),
    Column("repeats", "n", "plain"),
    Column("stride", "s", "plain"),
)
_LAYERS = (
    Column("path", "layer"),
    Column("kind", "type"),
    Column("shape", "output"),
    Column("parameters", "parameters", "count"),
)
_CALIBRATION = (
    Column("model", "model"),
    Column("ece_before", "ECE", "number"),
    Column("ece_after", "scaled", "number"),
    Column("loss_before", "loss", "number"),
    Column("loss_after", "scaled", "number"),
    Column("brier_before", "Brier", "number"),
    Column("brier_after", "scaled", "number"),
    Column("temperature", "temperature", "number"),
    Column("note", "note", "words"),
)
_LABEL_ERRORS = (
    Column("path", "image"),
    Column("label", "label"),
    Column("label_probability", "its probability", "percent"),
    Column("suggested", "likelier"),
    Column("suggested_probability", "its probability", "percent"),
)
