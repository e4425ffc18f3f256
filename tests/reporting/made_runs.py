"""Finished run directories made by hand: their predictions are drawn, and nothing was trained."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vitlab.conclusion import conclude
from vitlab.config import Config, Dataset, Model, Phase, Report, to_json
from vitlab.config import Split as SplitSettings
from vitlab.data import (
    PARTS,
    Split,
    Table,
    align,
    open_collection,
    open_source,
    read_split,
    write_split,
)
from vitlab.evaluation import Predictions, load_predictions, save_predictions
from vitlab.reported_figures import Reported
from vitlab.run_directory import RunDirectory
from vitlab.weights import Preprocessing

DIGITS = Dataset(path="digits")
PREPROCESSING = Preprocessing(size=8, interpolation="bilinear", crop=1.0, crop_first=True)


def digits_split(*, images: int = 400, seed: int = 0) -> Split:
    """Some of scikit-learn's digits, so that pages have pictures: half of them the test part."""
    table = open_source(DIGITS).table
    rows = np.random.default_rng(seed).permutation(len(table))[:images]
    parts = np.array(["train", "val", "test", "test"])[np.arange(images) % 4]
    return Split(table.select(rows), tuple(parts.tolist()))


def invented_split(class_names: Sequence[str], test_images: int, **columns: tuple[str, ...]) -> Split:
    """Of images that are nowhere: as many for the test as for train and val together."""
    n = 2 * test_images
    parts = ["test"] * test_images + ["train", "val"] * (test_images // 2) + ["val"] * (test_images % 2)
    labels = (np.arange(n) % test_images % len(class_names)).astype(np.int32)
    ids = tuple(f"{index:064x}" for index in range(n))
    paths = tuple(f"{index}.jpg" for index in range(n))
    return Split(Table(ids, paths, labels, tuple(class_names), columns), tuple(parts))


def make_run(
    path: Path,
    split: Split,
    phases: Mapping[str, float],
    *,
    chance: int = 0,
    seed: int = 0,
    network: str = "vit",
    milliseconds: float = 5.0,
    settings: SplitSettings | None = None,
    phase: Phase | None = None,
    dataset: Dataset = DIGITS,
    reported: Reported | None = None,
) -> Path:
    """A run whose phases answer rightly with about the given chances.

    `chance` draws the answers; `seed` is what the config says.
    """
    config = Config(
        seed=seed,
        dataset=dataset,
        split=settings or SplitSettings(),
        model=Model(name=network),
        phases={name: phase or Phase(epochs=4) for name in phases},
        report=Report(reported=reported or Reported()),
    )
    _write(path / "config.json", to_json(config))
    write_split(split, path / "split.csv")
    _write(path / "manifest.json", _manifest(split, seed, phases))
    _write(path / "network.json", _network(network, milliseconds))
    lines = []
    generator = np.random.default_rng([chance, 7])
    for place, (name, accuracy) in enumerate(phases.items()):
        lines += [_line(name, epoch, 4 * place + epoch, accuracy) for epoch in range(1, 5)]
        folder = path / "model" / name
        _write(folder / "model.json", _card(split, network, name, place))
        (folder / "weights.safetensors").write_bytes(b"w" * 5000)
        (path / "checkpoints" / name).mkdir(parents=True)
        (path / "checkpoints" / name / "state").write_bytes(b"c" * 15000)
        for part in PARTS:
            predictions = answered(split, part, accuracy, generator)
            save_predictions(predictions, path / "predictions" / name / f"{part}.npz")
    (path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def over_folds(folder: Path, recipes: dict[str, list[float]]) -> list[Path]:
    """A run of each of five folds and each network, as accurate as given: fold by fold."""
    whole = invented_split(["a", "b", "c"], 100)
    order = np.random.default_rng(0).permutation(200)
    paths = []
    for fold in range(5):
        part = np.full(200, "train", object)
        part[order[fold * 40 : fold * 40 + 40]] = "test"
        part[order[(fold * 40 + 40) % 200 : (fold * 40 + 40) % 200 + 40]] = "val"
        split = type(whole)(whole.table, tuple(part))
        settings = SplitSettings(folds=5, fold=fold)
        for chance, (name, accuracies) in enumerate(recipes.items()):
            path = folder / f"{name}_fold{fold}"
            phases = {"t": accuracies[fold]}
            make_run(path, split, phases, chance=10 * fold + chance, network=name, settings=settings)
            paths.append(path)
    return paths


def seeded(folder: Path, name: str, chances: list[float]) -> list[Path]:
    """A run for each seed, of one recipe, as accurate as given."""
    split = digits_split()
    return [
        make_run(folder / f"{name}{seed}", split, {"t": chance}, chance=seed, seed=seed, network=name)
        for seed, chance in enumerate(chances)
    ]


def conclude_run(path: Path, **columns: tuple[str, ...]) -> RunDirectory:
    """Metrics, analysis, report and model card of a made run, as a trained one gets them at its end.

    `columns` say more of the images of the split than their source does.
    """
    run = RunDirectory(path)
    config = run.read_finished()
    collection = open_collection(config.dataset, PREPROCESSING, "squash")
    collection, split = align(collection, read_split(run.split))
    table = dataclasses.replace(split.table, columns={**split.table.columns, **columns})
    conclude(run, list(config.phases), collection, Split(table, split.parts))
    return run


def answered(split: Split, part: str, accuracy: float, generator: np.random.Generator) -> Predictions:
    rows = split.rows(part)
    labels = split.table.labels[rows]
    classes = len(split.table.class_names)
    logits = generator.normal(0, 0.5, (len(rows), classes)).astype(np.float32)
    wrong = (labels + generator.integers(1, classes, len(rows))) % classes
    answers = np.where(generator.random(len(rows)) < accuracy, labels, wrong)
    logits[np.arange(len(rows)), answers] += generator.uniform(1.5, 5, len(rows)).astype(np.float32)
    return Predictions(np.array([split.table.ids[row] for row in rows]), labels, logits)


def answer_rightly(run: Path, phase: str) -> None:
    """All validation images: of such no temperature can be told, which the page says."""
    path = run / "predictions" / phase / "val.npz"
    found = load_predictions(path)
    logits = np.eye(found.logits.shape[1], dtype=np.float32)[found.labels]
    save_predictions(dataclasses.replace(found, logits=logits), path)


def _network(name: str, milliseconds: float) -> dict[str, Any]:
    """Whose figures are invented, with a row of MobileNetV2's table and another network beside it."""
    layers = [
        {"path": "stem", "kind": "Conv", "output": [4, 4, 16], "parameters": 432, "statistics": 0},
        {"path": "head", "kind": "Linear", "output": [10], "parameters": 170, "statistics": 0},
    ]
    row = {"size": 8, "channels": 3, "operator": "conv2d", "expansion": None}
    facts = {
        "input_size": 8,
        "parameters": 602,
        "weights_bytes": 2408,
        "layers": 2,
        "flops": 2e6 * milliseconds,
        "milliseconds": milliseconds,
        "device": "cpu",
    }
    other = {"name": "vgg16", "weights": "vgg16.keras_in1k", "input_size": 224, "top1": 71.3}
    return {
        "name": name,
        "facts": facts,
        "layers": layers,
        "operators": [row | {"out_channels": 16, "repeats": 1, "stride": 2}],
        "published": {"name": "made", "top1": 70.25, "top5": 90.5},
        "others": [other | {"parameters": 138357544, "weights_bytes": 553430176, "top5": None}],
    }


def _manifest(split: Split, seed: int, phases: Mapping[str, float]) -> dict[str, Any]:
    return {
        "finished": True,
        "vitlab": "0.1.0",
        "git_commit": "0" * 40,
        "devices": ["cpu"],
        "python": "3.11.7",
        "packages": {"jax": "0.10.2"},
        "folder": "/home/user",
        "origin": {"weights": None},
        "pretraining": None,
        "decode": "exact",
        "images": len(split.table),
        "parts": split.counts(),
        "unreadable": {},
        "repairs": {},
        "system": "Linux x86_64",
        "command": ["-m", "vitlab.main", "--config=made.py"],
        "seed": seed,
        "batch_size": 32,
        "split_hash": split.hash,
        "phases": {name: {"epochs": 4, "seconds": 8.0} for name in phases},
    }


def _card(split: Split, network: str, phase: str, place: int) -> dict[str, Any]:
    return {
        "name": network,
        "class_names": list(split.table.class_names),
        "parameters": 1234567,
        "options": {},
        "preprocessing": dataclasses.asdict(PREPROCESSING),
        "resize": "squash",
        "origin": {"weights": None},
        "trained": {
            "phase": phase,
            "best_epoch": 3,
            "epochs": 4,
            "seconds": 8.0 + 4 * place,
            "trainable": 330,
            "on_embeddings": False,
            "spent": {"compiling": 2.0, "stepping": 5.0},
        },
    }


def _line(phase: str, epoch: int, epoch_of_run: int, accuracy: float) -> dict[str, Any]:
    scores = {"accuracy": accuracy - 0.1 + 0.02 * epoch, "loss": 2 / epoch_of_run}
    val = {"accuracy": accuracy - 0.12 + 0.02 * epoch, "loss": 2.2 / epoch_of_run}
    return {
        "phase": phase,
        "epoch": epoch,
        "epoch_of_run": epoch_of_run,
        "train": {"n": 10} | scores,
        "val": {"n": 10} | val,
        "learning_rate": 1e-3,
        "best": epoch <= 3,
        "time": {"seconds": 2.0 + epoch / 8, "ms_per_step": 12.5 + epoch, "images_per_second": 800.0},
    }


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def change_json(path: Path, **changes: Any) -> None:
    """Sets keys of a JSON file; None takes one away."""
    value = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: item for key, item in value.items() if item is not None}))


def with_augmentation(**changes: Any) -> Phase:
    return dataclasses.replace(
        Phase(epochs=4), augmentation=dataclasses.replace(Phase().augmentation, **changes)
    )
