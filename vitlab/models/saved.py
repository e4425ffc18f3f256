"""A trained model as a folder: `weights.safetensors` and `model.json`, all that using it needs.

A converted checkpoint is one file: the same arrays, and what `model.json` would say in its header.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitlab import files
from vitlab.errors import InputError
from vitlab.models.classifier import LINEAR, HeadSettings
from vitlab.models.functional import Arrays, Network, initialise, outline
from vitlab.models.registry import create
from vitlab.typed import build
from vitlab.weights import Preprocessing, read_metadata, read_tensors, write_safetensors

WEIGHTS, CARD = "weights.safetensors", "model.json"

_DEEPEST = 50  # an origin within an origin for each time that a model was made from a model

# What a card that is none meets: no file, no JSON or too deep a one, a key too few, a wrong type.
_BROKEN = (OSError, ValueError, RecursionError, TypeError, InputError)


@dataclass(frozen=True)
class ModelCard:
    """What a network is and what it expects; the JSON beside its weights.

    Attributes:
        name, options: what `create` needs to build it again.
        class_names: of the outputs, in their order; empty where a publisher's file does not say.
        preprocessing, resize: how an image becomes its input.
        parameters: how many numbers it learned.
        origin: where the weights that training started from came from; for people to read.
        trained: phase, epochs and the like; for people to read.
        head: what `create` needs beside `options`; older cards are of linear heads, and lack it.
        met: `short_ids` of the images that it was trained on or chosen by, and so were the weights that
            it began with, one after the other between spaces; older cards lack it.
    """

    name: str
    options: Mapping[str, Any]
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    resize: str
    parameters: int
    origin: Mapping[str, Any]
    trained: Mapping[str, Any]
    head: HeadSettings = LINEAR
    met: str = ""


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
        write_safetensors(unfinished / WEIGHTS, {name: np.asarray(arrays[name]) for name in arrays})
        files.write_json(unfinished / CARD, dataclasses.asdict(model.card))


def load_model(folder: Path) -> SavedModel:
    """Raises InputError if the folder holds no whole model."""
    card = load_card(folder)

    def network():
        return create(card.name, num_classes=len(card.class_names), head=card.head, **card.options)

    tensors = read_tensors(folder / WEIGHTS)
    _, parameters, statistics = outline(network)
    wanted = {**parameters, **statistics}
    if {path: tensor.shape for path, tensor in tensors.items()} != wanted:
        raise InputError(f"{folder / WEIGHTS} does not hold the arrays of {card.name}; train again")
    return SavedModel(card, *initialise(network, tensors))


def load_card(folder: Path) -> ModelCard:
    try:
        return _card(json.loads((folder / CARD).read_text(encoding="utf-8")))
    except _BROKEN as error:
        raise InputError(f"{folder / CARD} is no model card: {error}") from error


def save_converted(path: Path, card: ModelCard, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the file whole or not at all."""
    header = {key: json.dumps(value) for key, value in dataclasses.asdict(card).items()}
    with files.replacing(path) as unfinished:
        write_safetensors(unfinished, arrays, header)


def card_of(weights: Path) -> ModelCard:
    """From the header of a converted file, or from beside the weights of a trained model."""
    header = read_metadata(weights)
    if not header:
        return load_card(weights.parent)
    try:
        return _card({key: json.loads(value) for key, value in header.items()})
    except _BROKEN as error:
        raise InputError(f"the header of {weights} is no model card: {error}") from error


def _card(values: Any) -> ModelCard:
    """A card that is nested without end could be read, but neither copied nor written again."""
    card = build(ModelCard, values, "card")
    for name in ("options", "origin", "trained"):
        if not _nests_at_most(_DEEPEST, getattr(card, name)):
            raise InputError(
                f"its {name} is nested more than {_DEEPEST} deep; convert the published file again"
            )
    return card


def _nests_at_most(levels: int, value: Any) -> bool:
    if not isinstance(value, Mapping | list):
        return True
    inner = value.values() if isinstance(value, Mapping) else value
    return levels > 0 and all(_nests_at_most(levels - 1, item) for item in inner)
