"""`report.html`: one file that says how good each model is, and shows why."""

import json
from typing import Any

from vitlab import files
from vitlab.augmentation_settings import Augmentation
from vitlab.config import Config, from_json
from vitlab.data import PARTS, Collection, Split
from vitlab.reporting import charts
from vitlab.reporting.error_gallery import MOST_CHANGED, error_galleries
from vitlab.reporting.gallery import Gallery
from vitlab.reporting.network_chart import network_chart
from vitlab.reporting.page import data_address, render
from vitlab.reporting.pictures import Picture, grid_svg
from vitlab.reporting.reported import reported_row, reported_table
from vitlab.reporting.results import PhaseResult, Results, read_results
from vitlab.reporting.tables import Column, Table
from vitlab.run_directory import RunDirectory


def write_report(run: RunDirectory, collection: Collection, split: Split) -> None:
    """Writes `figures/*.svg` and `report.html` of a run whose metrics are known."""
    results = read_results(run)
    config = from_json(results.config)
    drawn = _charts(results, split)
    gallery = Gallery(collection, split, results, config.seed, config.report.private)
    galleries = _galleries(gallery, config) | error_galleries(gallery, results.analysis)
    figures = drawn | {name: grid_svg(pictures) for name, pictures in galleries.items()}
    for name, svg in figures.items():
        files.write_text(run.figures / f"{name}.svg", svg)
    costs = _costs(results.phases, config)
    page = render(
        "report.html",
        results=results,
        analysis=results.analysis,
        most_changed=MOST_CHANGED,
        parts=PARTS,
        costs=costs,
        reported=_reported(results.phases, config, costs),
        charts={name: data_address(svg) for name, svg in drawn.items()},
        galleries=galleries,
        config_text=json.dumps(results.config, indent=2, ensure_ascii=False),
        manifest_text=json.dumps(results.manifest, indent=2, ensure_ascii=False),
        conclusion=run.conclusion().partition("; report")[0],
        workdir=run.path.resolve().name,
    )
    files.write_text(run.report, page)


def _charts(results: Results, split: Split) -> dict[str, str]:
    """SVG by the name of the figure."""
    names = results.class_names
    counts = {part: split.table.select(split.rows(part)).class_counts() for part in PARTS}
    return {
        **{
            f"{figure}_{metric}": draw(results.phases, metric)
            for figure, draw in (("scores", charts.scores_chart), ("curves", charts.curves_chart))
            for metric in ("accuracy", "loss")
        },
        "network": network_chart(results.network["layers"], results.network["name"]),
        "split": charts.parts_chart(counts),
        **{
            f"confusion_{phase.name}": charts.confusion_chart(
                phase.metrics["test"]["confusion_matrix"], names, f"{phase.name}, test part"
            )
            for phase in results.phases
        },
    }


def _galleries(gallery: Gallery, config: Config) -> dict[str, list[Picture]]:
    patches = gallery.patches()
    augmentations = [phase.augmentation for phase in config.phases.values() if phase.augmentation]
    return {
        "examples": gallery.one_per_class(),
        "examples_of_classes": gallery.of_classes(config),
        **({"patches": [patches]} if patches else {}),
        **(_augmentation(gallery, augmentations[-1]) if augmentations else {}),
        "answers": gallery.answers(),
    }


def _augmentation(gallery: Gallery, settings: Augmentation) -> dict[str, list[Picture]]:
    return {
        "augmentation": gallery.augmented(settings),
        "operations": gallery.operations(settings),
    }


def _costs(phases: tuple[PhaseResult, ...], config: Config) -> list[dict[str, Any]]:
    """Epochs, time and sizes of each model, with the sums over the phases before it (S0-20)."""
    rows, epochs, seconds = [], 0, 0.0
    for phase in phases:
        trained = phase.card["trained"]
        epochs += trained["epochs"]
        seconds += trained["seconds"]
        rows.append(
            {
                **trained,
                "name": phase.name,
                "is_augmented": bool(config.phases[phase.name].augmentation),
                "views": config.phases[phase.name].views,
                "cumulative_epochs": epochs,
                "cumulative_seconds": seconds,
                "parameters": phase.card["parameters"],
                "weights_bytes": phase.weights_bytes,
                "checkpoint_bytes": phase.checkpoint_bytes,
                "ms_per_step": phase.log[-1]["time"]["ms_per_step"] if phase.log else None,
            }
        )
    return rows


def _reported(phases: tuple[PhaseResult, ...], config: Config, costs: list[dict[str, Any]]) -> Table:
    """Each model beside what a study reported of it."""
    rows = []
    for phase, cost in zip(phases, costs, strict=True):
        row = reported_row(config.report.reported, phase.name, phase.metrics, cost)
        if row is not None:
            rows.append({"model": phase.name, **row})
    return reported_table(rows, (Column("model", "model"),))
