"""What a phase computes at each step: on pixels, or on embeddings where the backbone stays still."""

from dataclasses import dataclass

import jax
import numpy as np

from vitlab.augmentation_settings import Augmentation
from vitlab.config import Phase
from vitlab.data import Store, augment, mix
from vitlab.models import Arrays, Network
from vitlab.training.embeddings import BACKBONE, Embedder
from vitlab.training.step import Change, Forward, TrainForward, unchanged


@dataclass(frozen=True)
class Task:
    train: Store
    val: Store
    change: Change
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
    """Embeddings are enough when only the head trains and the images are the same every epoch.

    A backbone that does not train has no dropout either: it describes an image as it will later.
    """
    moves = phase.batch_norm == "update" and bool(statistics)
    backbone_trains = any(path.startswith(BACKBONE) for path in trainable)
    still = not moves and not backbone_trains
    if still and not phase.augmentation:
        train, val = (
            _embedded(stores[part], embedder(parameters, statistics, stores[part], part))
            for part in ("train", "val")
        )
        forward = _without_statistics(network.classify)
        return Task(train, val, unchanged, forward, network.classify, True)

    def train_forward(parameters, statistics, images, key):
        # A number that no split of `key` in `_augmenting` can reach.
        dropout = jax.random.fold_in(key, 2**31) if backbone_trains else None
        return network.train(
            parameters,
            statistics,
            images,
            moves=moves,
            dropout=dropout,
            rematerialised=phase.rematerialise,
        )

    change = _augmenting(phase.augmentation) if phase.augmentation else unchanged
    return Task(stores["train"], stores["val"], change, train_forward, network, False)


def _augmenting(settings: Augmentation) -> Change:
    """Each image by itself, and then, where asked for, the images of a batch with each other."""

    def change(images, labels, weights, key):
        images = augment(images, key, settings)
        if settings.mixes:
            return mix(images, labels, weights, jax.random.fold_in(key, 2**31 + 1), settings)
        return images, labels

    return change


def _embedded(store: Store, embeddings: np.ndarray) -> Store:
    return Store(embeddings, np.arange(len(store)), store.labels)


def _without_statistics(forward: Forward) -> TrainForward:
    return lambda parameters, statistics, inputs, key: (forward(parameters, statistics, inputs), {})
