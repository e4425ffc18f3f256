"""What `vitlab.evaluate` does once its flags are known to be sound."""

import dataclasses
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vitlab import files, place, runtime
from vitlab.config import Config
from vitlab.data import HARD, Collection, Store, align, open_collection, read_split
from vitlab.errors import InputError
from vitlab.evaluation import (
    Predictions,
    Temperature,
    calibration,
    evaluate_test,
    figure_intervals,
    fit_temperature,
    load_predictions,
    made_worse,
    predict,
    save_predictions,
)
from vitlab.models import SavedModel, load_model
from vitlab.progress import say
from vitlab.run_directory import RunDirectory, read_json
from vitlab.training import Embedder


def evaluate_test_part(run: RunDirectory, config: Config, phase: str, *, calibrated: bool) -> None:
    """Repeats the evaluation of the test part from the saved weights, and compares.

    What is calibrated after that is kept beside the evaluations of other data.
    """
    temperature = _temperature(run, phase, must_be_sound=calibrated)
    model = load_model(run.model(phase))
    collection = open_collection(config.dataset, model.card.preprocessing, config.dataset.resize)
    collection, split = align(collection, read_split(run.split))
    if split.hash != run.manifest["split_hash"]:
        raise InputError(
            f"{run.split} is not the split that the run was trained with (its hash differs)"
        )
    rows = split.rows("test")
    tested = split.table.select(rows)
    predictions = _predict(model, collection.store(rows), tested.ids, config)
    names, hard_groups = model.card.class_names, tested.column(HARD)
    metrics = _measure(predictions, names, hard_groups, config, temperature)
    _say_metrics(f"{phase}, test part", metrics)
    stored = read_json(run.metrics)[phase]["test"]
    if _holds(metrics, stored):
        say(f"equal to {run.metrics} in every figure")
    else:
        say(
            f"differs from {run.metrics}: accuracy {stored['accuracy']:.4f}, loss {stored['loss']:.6f} "
            "there; another machine or another version of JAX adds up in another order"
        )
    if calibrated:
        _say_calibration(metrics["calibration"])
        predictions = predictions.cooled(temperature.value)
        metrics = _measure(predictions, names, hard_groups, config)
        facts = {"temperature": temperature.value}
        _keep(run.path / "evaluations" / phase / "test-calibrated", predictions, facts | metrics)


def evaluate_elsewhere(
    run: RunDirectory, config: Config, phase: str, data: str, images: str | None, *, calibrated: bool
) -> None:
    """Evaluates on the images of `data` (see `vitlab.place`), whose classes are named as the model's.

    The columns of a CSV file are those of the run's own, and so is the folder of its images, if no other
    is given (`config.Dataset.images`).
    """
    temperature = _temperature(run, phase, must_be_sound=True) if calibrated else None
    model = load_model(run.model(phase))
    settings = dataclasses.replace(config.dataset, path=data, classes=(), per_class=0)
    if images is not None:
        settings = dataclasses.replace(settings, images=images)
    collection = open_collection(settings, model.card.preprocessing, settings.resize, fewest_classes=1)
    labels = _labels_of_model(collection, model.card.class_names, data)
    _warn_of_known(collection, run)
    store = dataclasses.replace(collection.store(np.arange(len(labels))), labels=labels)
    predictions = _predict(model, store, collection.table.ids, config)
    names, hard_groups = model.card.class_names, collection.table.column(HARD)
    if temperature is not None:
        _say_calibration(calibration(predictions, temperature))
        predictions = predictions.cooled(temperature.value)
    metrics = _measure(predictions, names, hard_groups, config)
    _say_metrics(f"{phase}, {data}", metrics)
    whole = place.independent_of_here(data)
    mark = hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]  # many are called "test"
    name = re.sub(r"[^\w.-]", "_", Path(whole).name)
    kept = f"{name}-{mark}-calibrated" if calibrated else f"{name}-{mark}"
    facts = {
        "data": whole,
        "temperature": temperature.value if temperature else None,
        "unreadable": collection.pixels.unreadable,
        "repairs": collection.pixels.repairs,
    }
    _keep(run.path / "evaluations" / phase / kept, predictions, facts | metrics)


def _measure(
    predictions: Predictions,
    names: Sequence[str],
    hard_groups: Sequence[str],
    config: Config,
    temperature: Temperature | None = None,
) -> dict[str, Any]:
    """As a run measures its test part."""
    (intervals,) = figure_intervals([predictions], config.seed)
    return evaluate_test(predictions, names, hard_groups, temperature) | {"bootstrap": intervals}


def _keep(folder: Path, predictions: Predictions, metrics: dict[str, Any]) -> None:
    with files.replacing_folder(folder) as unfinished:
        save_predictions(predictions, unfinished / "predictions.npz")
        files.write_json(unfinished / "metrics.json", metrics)
    say(f"kept in {folder}")


def _temperature(run: RunDirectory, phase: str, *, must_be_sound: bool) -> Temperature:
    """Raises InputError if the validation part gives none that helps on other images."""
    found = fit_temperature(load_predictions(run.predictions(phase, "val")))
    if must_be_sound and found.note:
        raise InputError(
            f"the validation part of {run.path} does not tell the temperature of {phase}: {found.note}; "
            "evaluate it without --calibrated"
        )
    return found


def _say_calibration(found: dict[str, Any]) -> None:
    """Before and after the temperature; the figures that follow are those after it."""
    say(f"temperature {found['temperature']:.4f}, fitted on the validation part")
    for key, name in (("loss", "loss"), ("brier", "Brier"), ("ece", "ECE")):
        say(f"  {name:<10} {found['before'][key]:.4f}, calibrated {found['after'][key]:.4f}")
    worse = made_worse(found)
    if worse:
        say(f"warning: the temperature suits the validation part; {worse}")


def _holds(metrics: Any, stored: Any) -> bool:
    """Whether every stored figure is there and equal; an older vitlab stored fewer."""
    if isinstance(stored, dict):
        return all(key in metrics and _holds(metrics[key], value) for key, value in stored.items())
    return metrics == stored


def _warn_of_known(collection: Collection, run: RunDirectory) -> None:
    split = read_split(run.split)
    seen = {split.table.ids[row] for part in ("train", "val") for row in split.rows(part)}
    known = sum(identity in seen for identity in collection.table.ids)
    if known:
        say(
            f"warning: {known} of {len(collection.table)} images were in the train or val part of this "
            "run; the figures are too good by them"
        )


def _labels_of_model(collection: Collection, class_names: tuple[str, ...], data: str) -> np.ndarray:
    """The labels by the model's classes. Raises InputError for a class that it does not know."""
    foreign = [name for name in collection.table.class_names if name not in class_names]
    if foreign:
        raise InputError(
            f"{data} has classes that the model does not know: {', '.join(foreign)}; "
            f"it knows {', '.join(class_names)}"
        )
    return np.array([class_names.index(name) for name in collection.table.class_names])[
        collection.table.labels
    ].astype(np.int32)


def _predict(model: SavedModel, store: Store, ids: tuple[str, ...], config: Config) -> Predictions:
    """By the whole network: what an earlier pass has kept of an image would test the head alone."""
    mesh = runtime.device_mesh()
    embedder = Embedder(model.network, config.batch_size, mesh, keeps_on_disk=False)
    return predict(model, store, ids, embedder, "test")


def _say_metrics(title: str, metrics: dict[str, Any]) -> None:
    low, high = metrics["accuracy_interval"]
    say(f"{title}: n = {metrics['n']}")
    say(f"  accuracy   {metrics['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f})")
    say(f"  loss       {metrics['loss']:.4f}")
    macro = metrics["macro"]
    say(f"  precision  {macro['precision']:.4f}, recall {macro['recall']:.4f}, F1 {macro['f1']:.4f}")
    if metrics["kappa"] is not None:
        say(f"  kappa      {metrics['kappa']:.4f} ({metrics['kappa_reading']})")
    for name, group in metrics.get("hard", {}).items():
        low, high = group["accuracy_interval"]
        say(f"  {name}: n = {group['n']}, accuracy {group['accuracy']:.4f} ({low:.4f} to {high:.4f})")
