"""What a phase computes at each step: on pixels, or on embeddings where the backbone stays still."""

from dataclasses import dataclass

import numpy as np

from vitlab.config import Phase
from vitlab.data import Store, augment
from vitlab.models import Arrays, Network
from vitlab.training.embeddings import BACKBONE, Embedder
from vitlab.training.step import Forward, TrainForward


@dataclass(frozen=True)
class Task:
    train: Store
    val: Store
    train_forward: TrainForward
    score_forward: Forward
    on_embeddings: bool


def make_task(
    phase: Phase,
    trainable: frozenset[str],
    network: Network,
    parameters: Arrays,
    statistics: Arrays,
    stores: dict[str, Store],
    embedder: Embedder,
) -> Task:
    """Embeddings are enough when only the head trains and the images are the same every epoch."""
    moves = phase.batch_norm == "update" and bool(statistics)
    still = not moves and not any(path.startswith(BACKBONE) for path in trainable)
    if still and not phase.augmentation:
        train, val = (
            _embedded(stores[part], embedder(parameters, statistics, stores[part], part))
            for part in ("train", "val")
        )
        return Task(train, val, _without_statistics(network.classify), network.classify, True)

    def forward(parameters, statistics, images, key):
        if phase.augmentation:
            images = augment(images, key, phase.augmentation)
        if moves:
            return network.train(parameters, statistics, images)
        return network(parameters, statistics, images), {}

    return Task(stores["train"], stores["val"], forward, network, False)


def _embedded(store: Store, embeddings: np.ndarray) -> Store:
    return Store(embeddings, np.arange(len(store)), store.labels)


def _without_statistics(forward: Forward) -> TrainForward:
    return lambda parameters, statistics, inputs, key: (forward(parameters, statistics, inputs), {})
