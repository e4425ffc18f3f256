"""`model_card.md`: what the model of a run is, how good, and where not to trust it, for who gets it.

In the language of the report, but for its header, which machines read.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitlab import files, place
from vitlab.config import Config, from_json
from vitlab.data import PARTS, Split
from vitlab.language import Language, Message, language_of
from vitlab.phase_settings import Phase
from vitlab.reporting.commands import run_commands
from vitlab.reporting.devices import run_devices, timed_device
from vitlab.reporting.markdown import header, render_markdown
from vitlab.reporting.results import Results, read_results
from vitlab.reporting.run_tables import SCORES, calibration_rows, cost_rows
from vitlab.reporting.tables import Column, Kind, Table, formatted
from vitlab.run_directory import RunDirectory

FEW_IMAGES = 20  # of a class in the test part: the interval of its recall is 40 points wide or so
MOST_NAMED = 20  # classes in a sentence

# Identifiers of Hugging Face's model cards; of any other licence a card gives the name.
_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "apple-ascl", "unknown")

_FIGURES: tuple[tuple[str, Message, Kind], ...] = (
    ("balanced_accuracy", Message("balanced accuracy"), "percent"),
    ("macro.precision", Message("precision, mean over the classes"), "number"),
    ("macro.recall", Message("recall, mean over the classes"), "number"),
    ("macro.f1", Message("F1, mean over the classes"), "number"),
    ("kappa", Message("Cohen's kappa"), "number"),
    ("loss", Message("loss (cross-entropy)"), "number"),
    ("brier", Message("Brier score"), "number"),
)

Row = dict[str, Any]


def write_model_card(run: RunDirectory, split: Split) -> None:
    """Of the last phase's model. The report's pieces are there; figures are of the test part."""
    results = read_results(run)
    files.write_text(run.model_card, model_card(results, split, run.path))


def model_card(results: Results, split: Split, workdir: Path) -> str:
    config = from_json(results.config)
    language = language_of(config.report.language)
    last = results.phases[-1]
    test, manifest = last.metrics["test"], results.manifest
    name = workdir.resolve().name
    origin = _named(manifest["origin"])
    answered = np.sum(test["confusion_matrix"], axis=0)
    figures = _figures(test, language)
    counts = {one: test["classes"][one]["n"] for one in results.class_names}
    return render_markdown(
        "model_card.md",
        language,
        header=header(_header(name, results, config, origin)),
        name=name,
        results=results,
        config=config,
        manifest=manifest,
        card=last.card,
        test=test,
        origin=origin,
        pretraining=manifest.get("pretraining"),
        facts=results.network["facts"],
        timed_device=timed_device(results.network["facts"]),
        run_devices=run_devices(manifest),
        last=last.name,
        figures=Table("figures", _FIGURE_COLUMNS, figures),
        has_bootstrap=any(row["has_interval"] for row in figures[1:]),
        phases=Table("phases", _PHASE_COLUMNS, list(_phases(results, config))),
        classes=Table("classes", _CLASS_COLUMNS, _classes(results, split)),
        calibration=calibration_rows(results)[-1],
        resamples=test.get("bootstrap", {}).get("resamples"),
        untested=[one for one, n in counts.items() if not n],
        few=[one for one, n in counts.items() if 0 < n < FEW_IMAGES],
        few_images=FEW_IMAGES,
        never=[
            name
            for name, count in zip(results.class_names, answered, strict=True)
            if not count and test["classes"][name]["precision"] is not None
        ],
        began_random=_began_random(manifest["origin"]),
        most_named=MOST_NAMED,
        analysis=results.analysis,
        commands=run_commands(manifest, workdir, last.name),
        number=lambda value: formatted(value, "number", language),
    )


def _named(origin: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What is known of the weights, or of those that they were made from, by the catalogue's name."""
    while "name" not in origin:
        earlier = origin.get("made_from")
        if not isinstance(earlier, Mapping):
            return None
        origin = earlier
    return origin


def _began_random(origin: Mapping[str, Any]) -> bool:
    """Whether these weights are of a run, or of several one after the other, whose first were random."""
    while isinstance(origin.get("made_from"), Mapping):
        origin = origin["made_from"]
    return "weights" in origin and origin["weights"] is None


def _header(name: str, results: Results, config: Config, origin: Mapping[str, Any] | None) -> Row:
    """As Hugging Face's model cards have it (huggingface.co/docs/hub/model-cards)."""
    test = results.phases[-1].metrics["test"]
    metrics = [("accuracy", "accuracy", test["accuracy"])]
    metrics += [(key, f"macro {key}", test["macro"][key]) for key in SCORES]
    result = {
        "task": {"type": "image-classification"},
        "dataset": {**_dataset(config.dataset.path), "split": "test"},
        "metrics": [
            {"type": kind, "name": title, "value": round(value, 4)} for kind, title, value in metrics
        ],
    }
    return {
        **({} if _began_random(results.manifest["origin"]) else _licence(origin)),
        "library_name": "vitlab",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "vitlab", "jax", results.phases[-1].card["name"]],
        "metrics": [kind for kind, _, _ in metrics],
        "model-index": [{"name": name, "results": [result]}],
    }


def _licence(origin: Mapping[str, Any] | None) -> Row:
    """That of the weights which the model began with."""
    stated = str((origin or {}).get("licence") or "unknown")
    known = stated.lower()
    return {"license": known} if known in _LICENCES else {"license": "other", "license_name": stated}


def _dataset(path: str) -> Row:
    """Its name, and its kind as Hugging Face calls it."""
    if path.startswith(place.PREPARED):
        return {"name": path.removeprefix(place.PREPARED), "type": "tfds"}
    if path == place.DIGITS:
        return {"name": "scikit-learn's digits", "type": "digits"}
    kind = "csv" if path.lower().endswith(place.TABLES) else "imagefolder"
    return {"name": Path(path).name, "type": kind}


def _figures(test: Mapping[str, Any], language: Language) -> list[Row]:
    """Wilson's interval of the accuracy; of the others a bootstrap's, or why there is none.

    Metrics of an older vitlab have none and no reason.
    """
    share, interval = test["accuracy"], test["accuracy_interval"]
    rows = [_figure(Message("accuracy"), share, interval, None, "percent", language)]
    found = test.get("bootstrap", {"intervals": {}, "no_interval": {}})
    for key, title, kind in _FIGURES:
        of_classes, _, name = key.rpartition(".")
        value = (test[of_classes] if of_classes else test)[name]
        reason = found["no_interval"].get(key)
        interval = found["intervals"].get(key)
        rows.append(_figure(title, value, interval, reason and Message(reason), kind, language))
    return rows


def _figure(
    title: Message, value: float | None, interval: Any, note: str | None, kind: Kind, language: Language
) -> Row:
    ends = interval and [formatted(end, kind, language) for end in interval]
    return {
        "figure": title,
        "value": formatted(value, kind, language),
        "interval": Message("{low} to {high}", low=ends[0], high=ends[1]) if ends else note,
        "has_interval": interval is not None,
    }


def _phases(results: Results, config: Config) -> Iterator[Row]:
    for row in cost_rows(results, config):
        phase = config.phases[row["model"]]
        yield {
            **row,
            "trained_parts": _trained_parts(phase),
            "optimizer": phase.optimizer,
            "learning_rate": phase.learning_rate,
            "schedule": phase.schedule,
            "loss": phase.loss,
        }


def _trained_parts(phase: Phase) -> str:
    parts = ", ".join(phase.trainable)
    if not phase.last_layers:
        return parts
    return Message("{parts} (of the last {layers} layers)", parts=parts, layers=phase.last_layers)


def _classes(results: Results, split: Split) -> list[Row]:
    counts = {part: split.table.select(split.rows(part)).class_counts() for part in PARTS}
    found = results.phases[-1].metrics["test"]["classes"]
    return [
        {"class": name, **{part: counts[part][name] for part in PARTS}, **found[name]}
        for name in results.class_names
    ]


_FIGURE_COLUMNS = (
    Column("figure", "figure"),
    Column("value", "value", "plain"),
    Column("interval", "95 % interval", "plain"),
)
_PHASE_COLUMNS = (
    Column("model", "phase"),
    Column("trained_parts", "parameters that trained"),
    Column("trainable", "how many", "count"),
    Column("optimizer", "optimizer"),
    Column("learning_rate", "learning rate", "short"),
    Column("schedule", "schedule"),
    Column("loss", "loss"),
    Column("is_augmented", "augmented", "flag"),
    Column("epochs", "epochs", "count"),
    Column("best_epoch", "kept", "count"),
    Column("seconds", "time", "seconds"),
)
_CLASS_COLUMNS = (
    Column("class", "class"),
    *(Column(part, part, "count") for part in PARTS),
    Column("precision", "precision", "number"),
    Column("recall", "recall", "number"),
    Column("f1", "F1", "number"),
)
