"""What comes before training, for a run and for who looks before one: mesh, images, split, model."""

import dataclasses
from collections.abc import Collection as Many
from pathlib import Path
from typing import Any

from jax.sharding import Mesh

from vitlab import runtime
from vitlab.config import Config, Phase
from vitlab.data import (
    Collection,
    Split,
    Store,
    align,
    check_batch_size,
    draw_split,
    open_collection,
    pretraining_signs,
    read_split,
    short_ids,
)
from vitlab.errors import InputError
from vitlab.models import Blueprint, SavedModel, check_blocks, first_model
from vitlab.names import unknown
from vitlab.progress import say
from vitlab.training import (
    Embedder,
    History,
    Profiler,
    Setting,
    check_views,
    chosen_parameters,
)


def mesh_for(config: Config) -> Mesh:
    """All devices. Raises InputError if a batch, or a part of it, does not divide over them."""
    mesh = runtime.device_mesh(config.fsdp)
    check_batch_size(config.batch_size, mesh)
    for name, phase in config.phases.items():
        check_batch_size(config.batch_size, mesh, phase.accumulate, f"phases.{name}.accumulate")
    return mesh


def check_phases(config: Config, blueprint: Blueprint) -> None:
    """Whether this network can be trained so: found before the first image is read."""
    parameters, statistics = blueprint.shapes
    for name, phase in config.phases.items():
        chosen = chosen_parameters(parameters, phase, f"phases.{name}")
        check_views(name, phase, chosen.paths, statistics)
        if phase.rematerialise:
            _check_rematerialise(name, phase, chosen.paths, blueprint)
        untouched = phase.batch_norm == "frozen" and not blueprint.published
        if statistics and untouched and not all(path.startswith("head/") for path in chosen.paths):
            raise InputError(
                f"phases.{name}.batch_norm is 'frozen', but without model.weights the statistics "
                "of batch norm were never measured; set it to 'update'"
            )


def _check_rematerialise(name: str, phase: Phase, paths: Many[str], blueprint: Blueprint) -> None:
    where = f"phases.{name}.rematerialise"
    if all(path.startswith("head/") for path in paths) and phase.batch_norm == "frozen":
        raise InputError(f"{where} is of phases that train the backbone; this one trains the head alone")
    try:
        check_blocks(lambda: blueprint.build(2))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


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


def pretraining(config: Config, blueprint: Blueprint, split: Split) -> dict[str, Any] | None:
    """What the weights learned from, and what says that the test images were among it; warns of that.

    None where they learn from nothing. Names are all that tells of a publisher's; of weights that vitlab
    trained it is known how many of the "tested" images they have "met". It goes into the manifest, for
    the report.
    """
    if blueprint.published is None:
        return None
    data = blueprint.published.trained_on
    signs = pretraining_signs(config.dataset.path, split.table, data)
    if signs:
        known = f"the weights were trained on {data}"
        unknown_data = "it is not known what the weights were trained on"
        say(
            f"warning: {known if data else unknown_data}; these images may have been part of that, "
            f"which makes the test easier than it looks: {'; '.join(signs)}"
        )
    return {"data": data, "signs": signs, **_met(blueprint, split)}


def _met(blueprint: Blueprint, split: Split) -> dict[str, int]:
    """How many of how many test images the weights have met, if vitlab trained them."""
    if blueprint.earlier is None or not blueprint.earlier.met:
        return {}
    known = set(blueprint.earlier.met.split())
    ids = short_ids(split.table.select(split.rows("test")).ids)
    met = sum(name in known for name in ids)
    if met:
        say(
            f"warning: {met} of the {len(ids)} test images are among those that these weights were "
            "trained on or chosen by, so the test says nothing about new images; take the split of the "
            "run that made the weights: --config.split.file=ITS_WORKDIR/split.csv"
        )
    return {"met": met, "tested": len(ids)}


def first_placed(config: Config, blueprint: Blueprint, split: Split, mesh: Mesh) -> SavedModel:
    """The model before its first phase, which is about to meet the images of the split."""
    model = first_model(blueprint, split.table.class_names, config.dataset.resize, config.seed)
    own = [name for part in ("train", "val") for name in split.table.select(split.rows(part)).ids]
    earlier = blueprint.earlier.met.split() if blueprint.earlier else ()
    met = " ".join(sorted({*short_ids(own), *earlier}))
    return placed(dataclasses.replace(model, card=dataclasses.replace(model.card, met=met)), mesh)


def setting_for(
    config: Config,
    model: SavedModel,
    stores: dict[str, Store],
    mesh: Mesh,
    checkpoints: Path,
    history: History,
    profiler: Profiler | None = None,
) -> Setting:
    """What stays the same through all phases of what the config describes."""
    return Setting(
        network=model.network,
        embedder=Embedder(model.network, config.batch_size, mesh),
        stores=stores,
        mesh=mesh,
        seed=config.seed,
        batch_size=config.batch_size,
        device_gib=config.dataset.device_gib,
        checkpoint_seconds=config.checkpoint_seconds,
        checkpoints=checkpoints,
        history=history,
        profiler=profiler,
    )


def placed(model: SavedModel, mesh: Mesh) -> SavedModel:
    """The model with its arrays on the devices of the mesh."""
    return dataclasses.replace(
        model,
        parameters=runtime.placed(model.parameters, mesh),
        statistics=runtime.placed(model.statistics, mesh),
    )
