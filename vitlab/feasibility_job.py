"""What `vitlab.feasibility` does once its flags are known to be sound."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitlab import files, preparation
from vitlab.circumstances import circumstances
from vitlab.config import Config, to_json
from vitlab.data import PARTS, Collection, Split, bundles_of
from vitlab.errors import InputError
from vitlab.evaluation import (
    Clusters,
    confusion_matrix,
    drawn_rows,
    find_clusters,
    linear_probe,
    nearest,
    perplexity,
    reduce_width,
    score,
    separability_statements,
    tsne,
    umap,
)
from vitlab.language import language_of
from vitlab.models import Blueprint, draw_blueprint
from vitlab.progress import duration, say
from vitlab.reporting import write_feasibility_report
from vitlab.training import Embedder


@dataclass(frozen=True)
class _Embedded:
    """Every image in the order of `split.table`; `embeddings` [images, width] are of length 1.

    `kin` is equal for copies of a picture and for images of a group.
    """

    collection: Collection
    split: Split
    embeddings: np.ndarray
    kin: np.ndarray


@dataclass(frozen=True)
class _Judged:
    """`neighbours` [images]: the row of each one's nearest other image, -1 where all others are kin."""

    clusters: Clusters
    neighbours: np.ndarray
    facts: dict[str, Any]


def study_feasibility(config: Config, output: Path, *, with_umap: bool) -> None:
    """Writes `feasibility.json`, `figures/` and `report.html` into `output`."""
    blueprint = draw_blueprint(config.model)
    if blueprint.published is None:
        say(
            "warning: model.weights is empty, and a random network tells little: it has learned "
            "nothing, and separates at best by colour and coarse texture"
        )
    images = _embed(config, blueprint)
    reduced = reduce_width(images.embeddings, config.seed)
    judged = _judge(images, reduced.points, config.seed, is_random=blueprint.published is None)
    rows, drawn = drawn_rows(images.split.table.labels, config.seed), {}
    drawn["pca"] = {"share": reduced.shares[:2].tolist(), "points": _plane(reduced.points[rows])}
    drawn["tsne"] = {
        "perplexity": perplexity(len(rows)),
        "points": _timed("t-SNE", tsne, reduced.points[rows], config.seed),
    }
    if with_umap:
        drawn["umap"] = {"points": _timed("UMAP", umap, reduced.points[rows], config.seed)}
    facts = {
        **_circumstances(config, blueprint, images),
        **judged.facts,
        "reduced": {"width": len(reduced.shares), "variance": float(reduced.shares.sum())},
        "drawn": len(rows),
        "projections": {
            name: {key: value for key, value in one.items() if key != "points"}
            for name, one in drawn.items()
        },
        "images": _rows(images, judged, rows, {name: one["points"] for name, one in drawn.items()}),
    }
    files.write_json(output / "feasibility.json", facts)
    write_feasibility_report(facts, output, language_of(config.report.language))
    say("", *facts["conclusion"], f"report: {output / 'report.html'}")


def _embed(config: Config, blueprint: Blueprint) -> _Embedded:
    """From the stores of a run, so that its head can train on the same embeddings, kept on disk."""
    mesh = preparation.mesh_for(config)
    collection, split = preparation.read_images(config, blueprint, config.split.file)
    table = split.table
    if len(set(table.labels[split.rows("train")].tolist())) < 2:
        raise InputError("the training part has images of one class only; nothing can be told apart")
    model = preparation.first_placed(config, blueprint, split, mesh)
    embedder = Embedder(model.network, config.batch_size, mesh)
    found = {
        part: embedder(model.parameters, model.statistics, store, part)
        for part, store in collection.stores(split).items()
    }
    embeddings = np.empty((len(table), found["train"].shape[1]), np.float32)
    for part, of_part in found.items():
        embeddings[split.rows(part)] = of_part
    _check(embeddings, split)
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    kin = np.empty(len(table), int)
    pictures = dataclasses.replace(table, ids=collection.pictures())
    for number, bundle in enumerate(bundles_of(pictures)):
        kin[list(bundle.rows)] = number
    return _Embedded(collection, split, embeddings / np.maximum(lengths, 1e-12), kin)


def _check(embeddings: np.ndarray, split: Split) -> None:
    strange = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(strange):
        raise InputError(
            f"the network's embeddings of {len(strange)} of {len(embeddings)} images, the first is "
            f"{split.table.paths[strange[0]]}, hold what is no finite number; its weights are of no use "
            "(model.weights)"
        )
    classes = len(split.table.class_names)
    different = len(np.unique(embeddings, axis=0))
    if different < classes:
        raise InputError(
            f"the network has {different} different embeddings for {len(embeddings)} images of "
            f"{classes} classes, which cannot be told apart so; take other weights (model.weights)"
        )


def _judge(images: _Embedded, points: np.ndarray, seed: int, *, is_random: bool) -> _Judged:
    table, split = images.split.table, images.split
    labels, classes = table.labels, len(table.class_names)
    parts = {part: split.rows(part) for part in PARTS}
    every = np.arange(len(labels))
    clusters = find_clusters(points, labels, classes, seed)
    neighbours = nearest(images.embeddings, images.kin, every, every)
    has_one = np.flatnonzero(neighbours >= 0)
    if not len(has_one):
        raise InputError("all images are of one group (dataset.columns.group); there are no neighbours")
    of_neighbours = labels[neighbours[has_one]]
    mixed = confusion_matrix(labels[has_one], of_neighbours, classes)
    in_train = {
        part: nearest(images.embeddings, images.kin, parts[part], parts["train"])
        for part in ("val", "test")
    }
    probe = linear_probe(images.embeddings, labels, parts)
    largest = int(np.bincount(labels[parts["train"]]).argmax())
    tested = labels[parts["test"]]
    baseline = score(tested, np.full(len(tested), largest))
    facts = {
        "conclusion": separability_statements(
            table.class_names, baseline, probe, clusters, mixed, is_random=is_random
        ),
        "baseline": {"class": table.class_names[largest], "test": asdict(baseline)},
        "clusters": {
            "adjusted_rand": clusters.adjusted_rand,
            "recovery": clusters.recovery,
            "score": asdict(clusters.score),
            "confusion_matrix": clusters.matrix.tolist(),
        },
        "neighbours": {
            "leave_one_out": asdict(score(labels[has_one], of_neighbours)),
            "confusion_matrix": mixed.tolist(),
            **{
                part: asdict(score(labels[parts[part]], np.where(found < 0, -1, labels[found])))
                for part, found in in_train.items()
            },
        },
        "probe": {
            "strength": probe.strength,
            "converged": probe.converged,
            **{part: asdict(one) for part, one in probe.scores.items()},
            "confusion_matrix": confusion_matrix(tested, probe.answers["test"], classes).tolist(),
        },
    }
    return _Judged(clusters, neighbours, facts)


def _circumstances(config: Config, blueprint: Blueprint, images: _Embedded) -> dict[str, Any]:
    split, pixels = images.split, images.collection.pixels
    return {
        **circumstances(),
        "devices": [str(device.device_kind) for device in preparation.mesh_for(config).devices.flat],
        "seed": config.seed,
        "config": to_json(config),
        "network": {
            "name": blueprint.name,
            "input_size": blueprint.preprocessing.size,
            "embedding_width": images.embeddings.shape[1],
            "origin": blueprint.origin,
            "is_random": blueprint.published is None,
            "is_trained_here": bool(blueprint.earlier and blueprint.earlier.trained),
        },
        "pretraining": preparation.pretraining(config, blueprint, split),
        "classes": split.table.class_counts(),
        "parts": split.counts(),
        "split_hash": split.hash,
        "unreadable": pixels.unreadable,
        "repairs": pixels.repairs,
    }


def _timed(
    name: str, method: Callable[[np.ndarray, int], np.ndarray], points: np.ndarray, seed: int
) -> list[list[float]]:
    say(f"{name:8} of {len(points)} images")
    began = time.monotonic()
    found = method(points, seed)
    say(f"         {duration(time.monotonic() - began)}")
    return _plane(found)


def _plane(points: np.ndarray) -> list[list[float]]:
    """Two coordinates each, with the digits that a drawing can show."""
    return [[float(f"{value:.5g}") for value in point[:2]] for point in points.tolist()]


def _rows(
    images: _Embedded, judged: _Judged, drawn: np.ndarray, points: dict[str, list[list[float]]]
) -> list[dict[str, Any]]:
    """What is known of each image; those that are drawn have their places."""
    table = images.split.table
    places: dict[int, dict[str, list[float]]] = {
        row: {name: of[index] for name, of in points.items()} for index, row in enumerate(drawn.tolist())
    }
    return [
        {
            "path": table.paths[row],
            "label": table.class_names[label],
            "part": images.split.parts[row],
            "cluster": table.class_names[judged.clusters.assigned[row]],
            "neighbour": None if neighbour < 0 else table.paths[neighbour],
            **places.get(row, {}),
        }
        for row, (label, neighbour) in enumerate(
            zip(table.labels.tolist(), judged.neighbours.tolist(), strict=True)
        )
    ]
