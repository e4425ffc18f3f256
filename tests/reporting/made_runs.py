"""Finished run directories made by hand: their predictions are drawn, and nothing was trained."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vitlab.config import Config, Dataset, Model, Phase, Report, to_json
from vitlab.config import Split as SplitSettings
from vitlab.data import PARTS, Split, Table, open_source, write_split
from vitlab.evaluation import Predictions, save_predictions
from vitlab.reported_figures import Reported

DIGITS = Dataset(path="digits")


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
    facts = {
        "input_size": 8,
        "flops": 2e6 * milliseconds,
        "milliseconds": milliseconds,
        "device": "cpu",
    }
    _write(path / "network.json", {"name": network, "facts": facts})
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


def answered(split: Split, part: str, accuracy: float, generator: np.random.Generator) -> Predictions:
    rows = split.rows(part)
    labels = split.table.labels[rows]
    classes = len(split.table.class_names)
    logits = generator.normal(0, 0.5, (len(rows), classes)).astype(np.float32)
    wrong = (labels + generator.integers(1, classes, len(rows))) % classes
    answers = np.where(generator.random(len(rows)) < accuracy, labels, wrong)
    logits[np.arange(len(rows)), answers] += generator.uniform(1.5, 5, len(rows)).astype(np.float32)
    return Predictions(np.array([split.table.ids[row] for row in rows]), labels, logits)


def _manifest(split: Split, seed: int, phases: Mapping[str, float]) -> dict[str, Any]:
    return {
        "finished": True,
        "vitlab": "0.1.0",
        "git_commit": "0" * 40,
        "devices": ["cpu"],
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
        "origin": {"weights": None},
        "trained": {
            "phase": phase,
            "best_epoch": 3,
            "epochs": 4,
            "seconds": 8.0 + 4 * place,
            "trainable": 330,
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
