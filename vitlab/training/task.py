"""What a phase computes at each step: on pixels, or on embeddings where the backbone stays still."""

from collections.abc import Collection
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, Key

from vitlab.augmentation_settings import Augmentation
from vitlab.config import Phase
from vitlab.data import Store, augment, mix
from vitlab.errors import InputError
from vitlab.models import Arrays
from vitlab.training.embeddings import BACKBONE
from vitlab.training.stage import Setting, Stage, phase_seed
from vitlab.training.step import Change, Forward, TrainForward, unchanged
from vitlab.training.views import Views


@dataclass(frozen=True)
class Task:
    """`train` has the training examples `views` times over, one view of all of them after the other."""

    train: Store
    val: Store
    change: Change
    train_forward: TrainForward
    score_forward: Forward
    on_embeddings: bool
    views: int = 1


def make_task(
    stage: Stage, setting: Setting, trainable: frozenset[str], parameters: Arrays, statistics: Arrays
) -> Task:
    """Embeddings are enough when only the head trains, and the images are the same every epoch or come
    in views that are kept.

    A backbone that does not train has no dropout either: it describes an image as it will later. The
    head has its own in any case.

    Raises:
        InputError: views of a backbone that changes, or more of them than fit into the memory.
    """
    phase, network, stores = stage.phase, setting.network, setting.stores
    check_views(stage.name, phase, trainable, statistics)
    moves = phase.batch_norm == "update" and bool(statistics)
    backbone_trains = _backbone_trains(trainable)
    if phase.views or not (moves or backbone_trains or phase.augmentation):
        embedder, backbone = setting.embedder, (parameters, statistics)
        if phase.views:
            seed = phase_seed(setting.seed, stage.index)
            views = Views(stage.name, phase.views, phase.augmentation, seed)
            embeddings = embedder.views(*backbone, stores["train"], views)
        else:
            embeddings = embedder(*backbone, stores["train"], "train")
        train = _embedded(stores["train"], embeddings)
        val = _embedded(stores["val"], embedder(*backbone, stores["val"], "val"))

        def classify(parameters, statistics, embeddings, key):
            return network.classify(parameters, statistics, embeddings, dropout_key(key)), {}

        return Task(train, val, unchanged, classify, network.classify, True, max(phase.views, 1))

    def train_forward(parameters, statistics, images, key):
        return network.train(
            parameters,
            statistics,
            images,
            moves=moves,
            dropout=dropout_key(key),
            only_head=not backbone_trains,
            rematerialised=phase.rematerialise,
        )

    change = _augmenting(phase.augmentation) if phase.augmentation else unchanged
    return Task(stores["train"], stores["val"], change, train_forward, network, False)


def check_views(name: str, phase: Phase, trainable: frozenset[str], statistics: Collection[str]) -> None:
    """Raises InputError if a phase keeps views, and what is computed of them would not stay true."""
    if not phase.views:
        return
    where = f"phases.{name}"
    if _backbone_trains(trainable):
        what, key, value = "trains", "trainable", "('head/.*',)"
    elif phase.batch_norm == "update" and statistics:
        what, key, value = "moves its statistics", "batch_norm", "frozen"
    else:
        return
    raise InputError(
        f"{where}.views is {phase.views}, but the backbone {what}, and sees an image otherwise at every "
        f"step; set {where}.{key} to {value}, or views to 0"
    )


def _backbone_trains(trainable: frozenset[str]) -> bool:
    return any(path.startswith(BACKBONE) for path in trainable)


def _augmenting(settings: Augmentation) -> Change:
    """Each image by itself, and then, where asked for, the images of a batch with each other."""

    def change(images, labels, weights, key):
        images = augment(images, key, settings)
        if settings.mixes:
            return mix(images, labels, weights, jax.random.fold_in(key, 2**31 + 1), settings)
        return images, labels

    return change


def _embedded(store: Store, embeddings: np.ndarray) -> Store:
    """The examples as often as there are embeddings of them."""
    labels = np.tile(store.labels, len(embeddings) // len(store))
    return Store(embeddings, np.arange(len(embeddings)), labels)


def dropout_key(key: Key[Array, ""]) -> Key[Array, ""]:
    """Of a step's key, by a number beyond all that `_augmenting` counts to when it draws."""
    return jax.random.fold_in(key, 2**31)
