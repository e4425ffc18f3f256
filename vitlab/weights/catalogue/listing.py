"""The catalogue for people and for programs to read."""

import dataclasses
import json
from collections.abc import Callable, Mapping

from vitlab.errors import InputError
from vitlab.names import unknown
from vitlab.text_table import UNKNOWN, text_table
from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.catalogue.counted import counted_mebibytes, size_text

# What a network does first with pixels in [0, 255] (`normalise` computes it).
NORMALISATIONS = {
    "unit": "to [0, 1]",
    "unit bgr": "to [0, 1], blue first",
    "symmetric": "to [-1, 1]",
    "imagenet": "ImageNet's mean and deviation",
    "clip": "mean and deviation of CLIP's images",
    "caffe": "ImageNet's mean in [0, 255], blue first",
}

COLUMNS: dict[str, Callable[[Checkpoint], str | float | None]] = {
    "name": lambda one: one.name,
    "trained on": lambda one: one.data.replace("ImageNet", "IN").replace("Instagram", "IG"),
    "licence": lambda one: one.licence,
    "px": lambda one: one.preprocessing.size,
    "top-1": lambda one: one.top1,
    "top-5": lambda one: one.top5,
    "MiB": size_text,
}


def choose(catalogue: Mapping[str, Checkpoint], model: str, name: str) -> list[Checkpoint]:
    """The checkpoint of a name, those of a network, or all; those of a network together.

    Raises:
        InputError: there is no checkpoint of that name or network, or the two do not belong together.
    """
    models = list(dict.fromkeys(checkpoint.model for checkpoint in catalogue.values()))
    if model and model not in models:
        raise InputError(unknown("network with a checkpoint", model, models, "--model", "--list alone"))
    if name and name not in catalogue:
        raise InputError(unknown("weights", name, catalogue, "--weights", "--list alone"))
    if name and model and catalogue[name].model != model:
        raise InputError(f"{name} is of the network {catalogue[name].model}, not {model} (--model)")
    if name:
        return [catalogue[name]]
    chosen = [one for one in catalogue.values() if not model or one.model == model]
    return sorted(chosen, key=lambda one: models.index(one.model))


def table(chosen: list[Checkpoint]) -> str:
    """A line per checkpoint; 100 columns are enough."""
    rows = [[_shown(column(one)) for column in COLUMNS.values()] for one in chosen]
    return f"""{text_table(list(COLUMNS), rows, left=3)}

IN, IG ImageNet, Instagram
top-1  percent of ImageNet-1k's validation images; of CLIP zero-shot; -: nobody states it
MiB    ~: counted, where no publisher states it
--list --weights=NAME shows the rest of what is known of one, --json of all that are listed."""


def facts(one: Checkpoint) -> str:
    """All that is known of one checkpoint, a fact a line."""
    crop = f"{one.preprocessing.crop:.4g} of the shorter side"
    others = {key: value for key, value in one.options.items() if key != "scheme"}
    rows = {
        "name": one.name,
        "network": one.model,
        "publisher": one.publisher,
        "address": one.address,
        "licence": one.licence,
        "trained on": one.data,
        "classes": one.classes or "none: it has no head",
        "input": f"{one.preprocessing.size} pixels, {one.preprocessing.interpolation}, {crop}",
        "normalised": NORMALISATIONS[one.options["scheme"]],
        "options": ", ".join(f"{key}={value}" for key, value in others.items()) or None,
        "top-1, top-5": f"{_shown(one.top1)}, {_shown(one.top5)} (by {one.source})"
        if one.top1
        else None,
        "MiB": one.mebibytes
        or f"{size_text(one)} (counted: four bytes for each number that the network takes)",
        "stated hash": one.stated_hash,
    }
    return "\n".join(f"{title:14}{_shown(value)}" for title, value in rows.items())


def as_json(chosen: list[Checkpoint]) -> str:
    """A list of objects; what no publisher states is null."""
    rows = [
        {
            "name": one.name,
            **dataclasses.asdict(one),
            "normalisation": NORMALISATIONS[one.options["scheme"]],
            "counted_mebibytes": round(counted_mebibytes(one), 1),
        }
        for one in chosen
    ]
    return json.dumps(rows, indent=1)


def _shown(value: str | float | None) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return UNKNOWN if value is None else str(value)
