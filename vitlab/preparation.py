"""What comes before training, for a run and for who tries a rate: images, split, phases that can be."""

import dataclasses
from pathlib import Path

import jax
from jax.sharding import Mesh

from vitlab import runtime
from vitlab.config import Config
from vitlab.data import Collection, Split, align, draw_split, open_collection, read_split
from vitlab.errors import InputError
from vitlab.models import Blueprint, SavedModel
from vitlab.names import unknown
from vitlab.progress import say
from vitlab.training import rate_factors, trainable_paths


def check_phases(config: Config, blueprint: Blueprint) -> None:
    """Whether this network can be trained so: found before the first image is read."""
    parameters, statistics = blueprint.shapes
    for name, phase in config.phases.items():
        chosen = trainable_paths(parameters, phase.trainable, f"phases.{name}.trainable")
        rate_factors(chosen, phase.rates, f"phases.{name}.rates")
        untouched = phase.batch_norm == "frozen" and not blueprint.published
        if statistics and untouched and not all(path.startswith("head/") for path in chosen):
            raise InputError(
                f"phases.{name}.batch_norm is 'frozen', but without model.weights the statistics "
                "of batch norm were never measured; set it to 'update'"
            )


def read_images(config: Config, blueprint: Blueprint, stored: str) -> tuple[Collection, Split]:
    """The images and their split: as the file `stored` has it, or newly drawn where that is empty."""
    collection = open_collection(config.dataset, blueprint.preprocessing, config.dataset.resize)
    if stored:
        collection, split = align(collection, read_split(Path(stored)))
    else:
        split = draw_split(collection.table, config.split, config.seed, collection.pictures())
    parts = ", ".join(f"{part} {count}" for part, count in split.counts().items())
    say(
        f"images   {len(split.table)} in {len(split.table.class_names)} classes: {parts}; "
        f"split {split.hash[:12]}"
    )
    for repair, count in sorted(collection.pixels.repairs.items()):
        say(f"         {count} repaired: {repair}")
    for name in config.report.classes:
        if name not in split.table.class_names:
            raise InputError(unknown("class", name, split.table.class_names, "report.classes"))
    return collection, split


def placed(model: SavedModel, mesh: Mesh) -> SavedModel:
    """The model with its arrays on every device of the mesh."""
    place = runtime.replicated(mesh)
    return dataclasses.replace(
        model,
        parameters=jax.device_put(model.parameters, place),
        statistics=jax.device_put(model.statistics, place),
    )
