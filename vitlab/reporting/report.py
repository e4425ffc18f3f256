"""`report.html`: one file that says how good each model is, and shows why."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from vitlab import files
from vitlab.augmentation_settings import Augmentation
from vitlab.config import Config, from_json
from vitlab.data import PARTS, Collection, Split
from vitlab.evaluation import class_reading
from vitlab.language import Language, Message, language_of
from vitlab.reporting.commands import run_commands
from vitlab.reporting.devices import run_devices, timed_device
from vitlab.reporting.drawings import (
    class_counts_chart,
    curves_chart,
    reliability_chart,
    scores_chart,
    with_finite_figures,
)
from vitlab.reporting.error_gallery import MOST_CHANGED, error_galleries
from vitlab.reporting.gallery import Gallery
from vitlab.reporting.matrix import matrix_chart, most_confused
from vitlab.reporting.missing import classes_without_images, without_interval
from vitlab.reporting.network_chart import network_chart
from vitlab.reporting.page import render
from vitlab.reporting.phase_tests import phase_tests
from vitlab.reporting.pictures import Picture, grid_svg
from vitlab.reporting.rank_charts import MOST_CURVES, rank_charts
from vitlab.reporting.results import PhaseResult, Results, read_results
from vitlab.reporting.run_tables import cost_rows, run_tables
from vitlab.run_directory import RunDirectory


def write_report(run: RunDirectory, collection: Collection, split: Split) -> None:
    """Writes `figures/*.svg` and `report.html` of a run whose metrics are known."""
    results = read_results(run)
    config = from_json(results.config)
    language = language_of(config.report.language)
    drawings = _drawings(results, split, language)
    gallery = Gallery(collection, split, results, config.seed, config.report.private)
    galleries = _galleries(gallery, config) | error_galleries(gallery, results.analysis)
    pictures = {name: grid_svg(pictures, language) for name, pictures in galleries.items()}
    for name, svg in (drawings | pictures).items():
        files.write_text(run.figures / f"{name}.svg", svg)
    tests = phase_tests(results)
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
        tables=run_tables(results, config, tests),
        phase_tests=tests,
        no_intervals=without_interval(results),
        monitored=_monitored(config),
        augmented=_augmented(config),
        lacking=classes_without_images(split),
        drawings={name: Markup(svg) for name, svg in drawings.items()},
        galleries=galleries,
        config_text=json.dumps(results.config, indent=2, ensure_ascii=False),
        manifest_text=_manifest_text(results.manifest),
        ranked=_ranked(results),
        shown_classes=len(most_confused(_matrices(results))),
        last=results.phases[-1],
        workdir=run.path.resolve().name,
        timed_device=timed_device(results.network["facts"]),
        run_devices=run_devices(results.manifest),
        commands=run_commands(results.manifest, run.path, results.phases[-1].name),
    )
    files.write_text(run.report, page)


def _manifest_text(manifest: Mapping[str, Any]) -> str:
    """But for whether the run is finished: it is once this page is there, and not before."""
    facts = {key: value for key, value in manifest.items() if key != "finished"}
    return json.dumps(facts, indent=2, ensure_ascii=False)


def _monitored(config: Config) -> dict[str, list[str]]:
    """The phases by what chose their best epoch."""
    return {
        score: phases
        for score in ("accuracy", "loss")
        if (phases := [name for name, phase in config.phases.items() if phase.monitor == score])
    }


def _drawings(results: Results, split: Split, language: Language) -> dict[str, str]:
    """SVG by the name of the figure."""
    counts = {Message(part): split.table.select(split.rows(part)).class_counts() for part in PARTS}
    title = Message("Images of each class in each part")
    matrices = _matrices(results)
    ranked = {number: phase.predictions["test"] for number, phase in _ranked(results).items()}
    return {
        **_scores(results, language),
        **_curves(results, language),
        **rank_charts(ranked, language),
        **{
            f"reliability_{phase.name}": reliability_chart(
                phase.metrics["test"]["reliability"], phase.name, language
            )
            for phase in results.phases
        },
        **{
            f"confusion_{phase.name}": matrix_chart(
                matrix,
                results.class_names,
                language("{phase}, test part", phase=phase.name),
                language,
                chosen=most_confused(matrices),
            )
            for phase, matrix in zip(results.phases, matrices, strict=True)
        },
        "network": network_chart(results.network["layers"], results.network["name"]),
        "split": class_counts_chart(counts, title, language),
    }


def _ranked(results: Results) -> dict[int, PhaseResult]:
    """The phases by their numbers, of many the last."""
    return dict([*enumerate(results.phases, 1)][-MOST_CURVES:])


def _matrices(results: Results) -> list[np.ndarray]:
    return [np.array(phase.metrics["test"]["confusion_matrix"]) for phase in results.phases]


def _scores(results: Results, language: Language) -> dict[str, str]:
    drawn = {}
    for metric, title in (("accuracy", Message("accuracy, %")), ("loss", Message("loss"))):
        rows = [
            (phase.name, {part: phase.metrics[part][metric] for part in PARTS})
            for phase in results.phases
        ]
        drawn[f"scores_{metric}"] = scores_chart(rows, metric, title, language)
    return drawn


def _curves(results: Results, language: Language) -> dict[str, str]:
    """None if the log is gone."""
    log = with_finite_figures([line for phase in results.phases for line in phase.log])
    best = {phase.name: phase.card["trained"]["best_epoch"] for phase in results.phases}
    titles = {
        "accuracy": Message("Training and validation accuracy by epoch"),
        "loss": Message("Training and validation loss by epoch"),
    }
    return {
        f"curves_{metric}": curves_chart(log, best, metric, title, language)
        for metric, title in titles.items()
        if log
    }


def _galleries(gallery: Gallery, config: Config) -> dict[str, list[Picture]]:
    patches = gallery.patches()
    return {
        "examples": gallery.one_per_class(),
        "examples_of_classes": gallery.of_classes(config),
        **({"patches": [patches]} if patches else {}),
        **_augmentation(gallery, config),
        "answers": gallery.answers(),
    }


def _augmentation(gallery: Gallery, config: Config) -> dict[str, list[Picture]]:
    """Of each that some phases have, under the name of the first of them."""
    drawn: dict[str, list[Picture]] = {}
    for phases in _augmented(config):
        settings = config.phases[phases[0]].augmentation
        drawn[f"augmentation_{phases[0]}"] = gallery.augmented(settings)
        drawn[f"operations_{phases[0]}"] = gallery.operations(settings)
    return drawn


def _augmented(config: Config) -> list[list[str]]:
    """The phases that augment, those together that do it alike."""
    alike: dict[Augmentation, list[str]] = {}
    for name, phase in config.phases.items():
        if phase.augmentation:
            alike.setdefault(phase.augmentation, []).append(name)
    return list(alike.values())
