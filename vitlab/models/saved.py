"""A trained model as a folder: `weights.safetensors` and `model.json`, all that using it needs."""

import dataclasses
import errno
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from vitlab import files
from vitlab.errors import InputError
from vitlab.models.functional import Arrays, Network, initialise, outline
from vitlab.models.registry import create
from vitlab.weights import Preprocessing, read_tensors

WEIGHTS, CARD = "weights.safetensors", "model.json"


@dataclass(frozen=True)
class ModelCard:
    """What a network is and what it expects; the JSON beside its weights.

    Attributes:
        name, options: what `create` needs to build it again.
        class_names: of the outputs, in their order.
        preprocessing, resize: how an image becomes its input.
        parameters: how many numbers it learned.
        origin: where the weights that training started from came from; for people to read.
        trained: phase, epochs and the like; for people to read.
    """

    name: str
    options: Mapping[str, Any]
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    resize: str
    parameters: int
    origin: Mapping[str, Any]
    trained: Mapping[str, Any]


@dataclass(frozen=True)
class SavedModel:
    card: ModelCard
    network: Network
    parameters: Arrays
    statistics: Arrays


def save_model(folder: Path, model: SavedModel) -> None:
    """Writes the folder whole or not at all."""
    arrays = {**model.parameters, **model.statistics}
    with files.replacing_folder(folder) as unfinished:
        _save_arrays(arrays, unfinished / WEIGHTS)
        files.write_json(unfinished / CARD, dataclasses.asdict(model.card))


def _save_arrays(arrays: Arrays, path: Path) -> None:
    try:
        save_file({name: np.asarray(array) for name, array in arrays.items()}, path)
    except SafetensorError as error:  # its only way to say that the disk is full
        raise OSError(errno.EIO, str(error)) from error


def load_model(folder: Path) -> SavedModel:
    """Raises InputError if the folder holds no whole model."""
    card = load_card(folder)

    def build():
        return create(card.name, num_classes=len(card.class_names), **card.options)

    tensors = read_tensors(folder / WEIGHTS)
    _, parameters, statistics = outline(build)
    wanted = {**parameters, **statistics}
    if {path: tensor.shape for path, tensor in tensors.items()} != wanted:
        raise InputError(f"{folder / WEIGHTS} does not hold the arrays of {card.name}; train again")
    return SavedModel(card, *initialise(build, tensors))


def load_card(folder: Path) -> ModelCard:
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        card["class_names"] = tuple(card["class_names"])
        card["preprocessing"] = Preprocessing(**card["preprocessing"])
        return ModelCard(**card)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / CARD} is no model card: {error}") from error
