"""Images that are soon told apart, and a phase that learns them. Importing it starts no JAX."""

from pathlib import Path
from typing import Any

import numpy as np
from jax.sharding import Mesh

from vitlab import runtime
from vitlab.config import Phase
from vitlab.data import Store
from vitlab.models import Arrays, Network, create, initialise
from vitlab.training import Embedder, History, Setting, Stage, Trained, train_phase

OPTIONS: dict[str, Any] = {
    "input_size": 8,
    "patch": 4,
    "width": 16,
    "depth": 1,
    "heads": 2,
    "mlp_width": 16,
}


def some_store(count: int, seed: int) -> Store:
    """Images whose class is their brightness."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count).astype(np.int32)
    images = labels[:, None, None, None] * 80 + generator.integers(0, 60, (count, 8, 8, 3))
    return Store(images.astype(np.uint8), np.arange(count), labels)


def a_setting(network: Network, folder: Path, batch_size: int = 8, mesh: Mesh | None = None) -> Setting:
    mesh = mesh or runtime.device_mesh()
    return Setting(
        network=network,
        embedder=Embedder(network, batch_size, mesh),
        stores={"train": some_store(43, 0), "val": some_store(21, 1)},
        mesh=mesh,
        seed=0,
        batch_size=batch_size,
        device_gib=1.0,
        checkpoint_seconds=60.0,
        checkpoints=folder / "checkpoints",
        history=History(folder / "log.jsonl"),
    )


def train(
    folder: Path,
    phase: Phase,
    batch_size: int = 8,
    model: tuple[Network, Arrays, Arrays] | None = None,
) -> tuple[Trained, History, dict]:
    network, parameters, statistics = model or initialise(
        lambda: create("vit", num_classes=3, **OPTIONS), {}
    )
    folder.mkdir(exist_ok=True)
    setting = a_setting(network, folder, batch_size)
    return (
        train_phase(Stage("p", phase, 0, 0), parameters, statistics, setting),
        setting.history,
        parameters,
    )
