"""`report.html`: one file that says how good each model is, and shows why."""

import json

import numpy as np
from markupsafe import Markup

from vitlab import files
from vitlab.augmentation_settings import Augmentation
from vitlab.config import Config, from_json
from vitlab.data import PARTS, Collection, Split
from vitlab.evaluation import class_reading
from vitlab.language import Language, language_of
from vitlab.reporting import charts
from vitlab.reporting.commands import run_commands
from vitlab.reporting.comparison.charts import reliability_chart
from vitlab.reporting.error_gallery import MOST_CHANGED, error_galleries
from vitlab.reporting.gallery import Gallery
from vitlab.reporting.network_chart import network_chart
from vitlab.reporting.page import data_address, render
from vitlab.reporting.pictures import Picture, grid_svg
from vitlab.reporting.results import Results, read_results
from vitlab.reporting.run_tables import cost_rows, run_tables
from vitlab.run_directory import RunDirectory


def write_report(run: RunDirectory, collection: Collection, split: Split) -> None:
    """Writes `figures/*.svg` and `report.html` of a run whose metrics are known."""
    results = read_results(run)
    config = from_json(results.config)
    language = language_of(config.report.language)
    drawn, inline = _charts(results, split, language), _drawings(results, language)
    gallery = Gallery(collection, split, results, config.seed, config.report.private)
    galleries = _galleries(gallery, config) | error_galleries(gallery, results.analysis)
    pictures = {name: grid_svg(pictures, language) for name, pictures in galleries.items()}
    figures = drawn | inline | pictures
    for name, svg in figures.items():
        files.write_text(run.figures / f"{name}.svg", svg)
    confusions = results.phases[-1].metrics["test"]["confusion_matrix"]
    page = render(
        "report.html",
        language,
        results=results,
        analysis=results.analysis,
        readings=class_reading(np.array(confusions), results.class_names),
        most_changed=MOST_CHANGED,
        parts=PARTS,
        costs=cost_rows(results, config),
        tables=run_tables(results, config),
        charts={name: data_address(svg) for name, svg in drawn.items()},
        drawings={name: Markup(svg) for name, svg in inline.items()},
        galleries=galleries,
        config_text=json.dumps(results.config, indent=2, ensure_ascii=False),
        manifest_text=json.dumps(results.manifest, indent=2, ensure_ascii=False),
        last=results.phases[-1],
        workdir=run.path.resolve().name,
        commands=run_commands(results.manifest, run.path, results.phases[-1].name),
    )
    files.write_text(run.report, page)


def _charts(results: Results, split: Split, language: Language) -> dict[str, str]:
    """SVG by the name of the figure."""
    names = results.class_names
    counts = {part: split.table.select(split.rows(part)).class_counts() for part in PARTS}
    return {
        **{
            f"{figure}_{metric}": draw(results.phases, metric, language)
            for figure, draw in (("scores", charts.scores_chart), ("curves", charts.curves_chart))
            for metric in ("accuracy", "loss")
        },
        "network": network_chart(results.network["layers"], results.network["name"]),
        "split": charts.parts_chart(counts, language),
        **{
            f"confusion_{phase.name}": charts.confusion_chart(
                phase.metrics["test"]["confusion_matrix"],
                names,
                language("{phase}, test part", phase=phase.name),
                language,
            )
            for phase in results.phases
        },
    }


def _drawings(results: Results, language: Language) -> dict[str, str]:
    """SVG that stands in the page itself, and takes its colours."""
    return {
        f"reliability_{phase.name}": reliability_chart(
            phase.metrics["test"]["reliability"], phase.name, language
        )
        for phase in results.phases
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
