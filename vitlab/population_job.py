"""What `vitlab.population` does once its flags are known to be sound."""

import csv
import dataclasses
import io
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vitlab import files, population_settings, runtime
from vitlab.circumstances import circumstances
from vitlab.config import Config, Phase, to_json
from vitlab.data import (
    Collection,
    Split,
    align,
    check_batch_size,
    draw_split,
    open_collection,
    read_split,
    write_split,
)
from vitlab.errors import InputError
from vitlab.evaluation import Predictions, evaluate
from vitlab.models import Arrays, Blueprint, draw_blueprint, first_model, head_drawer, head_logits
from vitlab.population_settings import Grid
from vitlab.population_tables import say_tables
from vitlab.progress import duration, say, track
from vitlab.training import (
    Embedder,
    Fold,
    Member,
    TrainedMember,
    check_population,
    train_population,
)


@dataclass(frozen=True)
class _Images:
    collection: Collection
    splits: tuple[Split, ...]  # one, or one for each fold; of the same table
    embeddings: np.ndarray


def run_population(config: Config, grid: Grid, workdir: Path) -> None:
    """Trains every head of the grid, and writes `workdir` whole or not at all."""
    name, phase = next(iter(config.phases.items()))
    files.check_writable(workdir / "members.csv")
    mesh = runtime.device_mesh()
    check_batch_size(config.batch_size, mesh)
    plain = dataclasses.replace(config.model, hidden=0, dropout=0.0)
    blueprint = draw_blueprint(plain)
    for has_hidden in sorted({size > 0 for size in grid.hidden}):
        check_population(phase, f"phases.{name}", _paths(blueprint, has_hidden))
    images = _embed(config, grid, blueprint)
    members = [
        Member(seed, fold, **dataclasses.asdict(setting))
        for setting in grid.settings()
        for fold in range(len(images.splits))
        for seed in grid.seeds
    ]
    say(f"phase    {name}: {len(members)} heads by {phase.optimizer}, all at once")
    began = time.monotonic()
    trained = _train(members, phase, images, blueprint, config.batch_size)
    say(f"         {len(members)} heads in {duration(time.monotonic() - began)}")
    rows, predictions = _judge(members, trained, images)
    _write(workdir, config, grid, images, members, trained, rows, predictions)
    say_tables(rows, population_settings.varied(grid))
    say("", f"kept in {workdir}: members.csv, population.json, predictions, splits")


def _paths(blueprint: Blueprint, has_hidden: bool) -> list[str]:
    """Of the parameters of the network with a head of one of the two kinds."""
    layers = ("hidden", "output") if has_hidden else ("",)
    heads = [f"head/{layer}/{kind}" for layer in layers for kind in ("kernel", "bias")]
    backbone = [path for path in blueprint.shapes[0] if not path.startswith("head/")]
    return [*backbone, *(path.replace("//", "/") for path in heads)]


def _embed(config: Config, grid: Grid, blueprint: Blueprint) -> _Images:
    """Every image once, whatever the folds."""
    collection = open_collection(config.dataset, blueprint.preprocessing, config.dataset.resize)
    settings = config.split
    if settings.file:
        collection, split = align(collection, read_split(Path(settings.file)))
        splits = [split]
    else:
        choices = [settings]
        if grid.folds:
            choices = [
                dataclasses.replace(settings, folds=grid.folds, fold=fold) for fold in range(grid.folds)
            ]
        pictures = collection.pictures()
        splits = [draw_split(collection.table, one, config.seed, pictures) for one in choices]
    class_names = splits[0].table.class_names
    say(f"images   {len(splits[0].table)} in {len(class_names)} classes, {len(splits)} splits")
    model = first_model(blueprint, class_names, config.dataset.resize, config.seed)
    if np.any(model.parameters["head/kernel"]):
        raise InputError(
            f"model.weights {config.model.weights} hold a head for these classes already, and every "
            "head of a population begins anew; give the weights that it was trained from"
        )
    embedder = Embedder(model.network, config.batch_size, runtime.device_mesh())
    store = collection.store(np.arange(len(collection.table)))
    embeddings = embedder(model.parameters, model.statistics, store, "images")
    return _Images(collection, tuple(splits), embeddings)


def _train(
    members: Sequence[Member],
    phase: Phase,
    images: _Images,
    blueprint: Blueprint,
    batch_size: int,
) -> list[TrainedMember]:
    table = images.splits[0].table
    starts: dict[tuple[int, int], Arrays] = {}
    drawers = {}
    for member in members:
        if member.hidden not in drawers:
            head = dataclasses.replace(blueprint.head, hidden=member.hidden)
            one = dataclasses.replace(blueprint, head=head)
            drawers[member.hidden] = head_drawer(one, len(table.class_names))
        if (member.hidden, member.seed) not in starts:
            starts[member.hidden, member.seed] = drawers[member.hidden](member.seed)
    return train_population(
        members,
        [starts[member.hidden, member.seed] for member in members],
        phase,
        images.embeddings,
        table.labels,
        [Fold(split.rows("train"), split.rows("val")) for split in images.splits],
        batch_size,
    )


def _judge(
    members: Sequence[Member], trained: Sequence[TrainedMember], images: _Images
) -> tuple[list[dict[str, Any]], dict[int, dict[str, np.ndarray]]]:
    """A row for each member, and by fold the logits of its members on the test part."""
    answer = jax.jit(head_logits)
    rows = []
    logits: dict[int, list[np.ndarray]] = {fold: [] for fold in range(len(images.splits))}
    numbers: dict[int, list[int]] = {fold: [] for fold in range(len(images.splits))}
    pairs = zip(members, trained, strict=True)
    for number, (member, one) in enumerate(track(pairs, len(members), "judging", "heads")):
        split = images.splits[member.fold]
        scores: dict[str, float] = {}
        for part in ("val", "test"):
            found = split.rows(part)
            answers = np.asarray(answer(one.head, images.embeddings[found]))
            ids = np.array(split.table.select(found).ids)
            predictions = Predictions(ids, split.table.labels[found], answers)
            metrics = evaluate(predictions, split.table.class_names)
            scores |= {f"{part}_{name}": metrics[name] for name in ("accuracy", "loss")}
        logits[member.fold].append(answers)
        numbers[member.fold].append(number)
        rows.append(
            {
                "member": number,
                **dataclasses.asdict(member),
                "parameters": sum(array.size for array in one.head.values()),
                "best_epoch": one.best_epoch,
                "epochs": len(one.epochs),
                "diverged": one.diverged,
                **scores,
                "seconds": one.seconds,
            }
        )
    kept = {}
    for fold, split in enumerate(images.splits):
        tested = split.table.select(split.rows("test"))
        kept[fold] = {
            "members": np.array(numbers[fold]),
            "ids": np.array(tested.ids),
            "labels": tested.labels,
            "logits": np.stack(logits[fold]),
        }
    return rows, kept


def _write(
    workdir: Path,
    config: Config,
    grid: Grid,
    images: _Images,
    members: Sequence[Member],
    trained: Sequence[TrainedMember],
    rows: Sequence[dict[str, Any]],
    predictions: dict[int, dict[str, np.ndarray]],
) -> None:
    """members.csv, population.json (with every epoch of every head), predictions and splits by fold."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    facts = {
        **circumstances(),
        "config": to_json(config),
        "grid": dataclasses.asdict(grid),
        "split_hashes": [split.hash for split in images.splits],
        "members": [row | {"history": one.epochs} for row, one in zip(rows, trained, strict=True)],
    }
    with files.replacing_folder(workdir) as unfinished:
        files.write_text(unfinished / "members.csv", text.getvalue())
        files.write_json(unfinished / "population.json", _writable(facts))
        for fold, split in enumerate(images.splits):
            write_split(split, unfinished / "splits" / f"{fold}.csv")
            (unfinished / "predictions").mkdir(exist_ok=True)
            found: dict[str, Any] = predictions[fold]
            np.savez_compressed(unfinished / "predictions" / f"{fold}.npz", **found)


def _writable(value: Any) -> Any:
    """A member that diverged may have a loss that JSON cannot hold: null."""
    if isinstance(value, dict):
        return {key: _writable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_writable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
