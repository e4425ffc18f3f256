"""The page of a study of embeddings before any training: all of it is what `feasibility.json` says."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from vitlab import files
from vitlab.reporting.charts import confusion_chart
from vitlab.reporting.page import data_address, render
from vitlab.reporting.scatter_chart import MOST_NAMED, scatter_chart

TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


def write_feasibility_report(facts: dict[str, Any], folder: Path) -> None:
    """Writes `figures/*.svg` and `report.html`."""
    drawn = _charts(facts)
    for name, svg in drawn.items():
        files.write_text(folder / "figures" / f"{name}.svg", svg)
    page = render(
        "feasibility.html",
        facts=facts,
        place=Path(facts["config"]["dataset"]["path"]).name,
        scores=_scores(facts),
        classes=_classes(facts),
        charts={name: data_address(svg) for name, svg in drawn.items()},
        titles=TITLES,
        most_named=MOST_NAMED,
        config_text=json.dumps(facts["config"], indent=2, ensure_ascii=False),
    )
    files.write_text(folder / "report.html", page)


def _charts(facts: dict[str, Any]) -> dict[str, str]:
    """SVG by the name of the figure."""
    names = list(facts["classes"])
    number = {name: label for label, name in enumerate(names)}
    shown = [row for row in facts["images"] if "pca" in row]
    labels = np.array([number[row["label"]] for row in shown])
    charts = {}
    for name, about in facts["projections"].items():
        axes = ("", "")
        if name == "pca":
            first, second = (f"{100 * share:.1f} % of the variance" for share in about["share"])
            axes = (first, second)
        points = np.array([row[name] for row in shown])
        charts[name] = scatter_chart(points, labels, names, TITLES[name], axes)
    for name, title, columns in (
        ("clusters", "clusters", "cluster's class"),
        ("neighbours", "neighbours", "neighbour's class"),
        ("probe", "classifier", "answer"),
    ):
        charts[f"confusion_{name}"] = confusion_chart(
            facts[name]["confusion_matrix"], names, title, columns
        )
    return charts


def _scores(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each way of naming images, and each set of images that it was tried on."""
    neighbours, probe = facts["neighbours"], facts["probe"]
    rows = (
        (f"always {facts['baseline']['class']}", "test", facts["baseline"]["test"]),
        ("clusters, matched to classes", "all", facts["clusters"]["score"]),
        ("nearest other image", "all", neighbours["leave_one_out"]),
        ("nearest training image", "val", neighbours["val"]),
        ("nearest training image", "test", neighbours["test"]),
        ("linear classifier", "val", probe["val"]),
        ("linear classifier", "test", probe["test"]),
    )
    return [{"way": way, "part": part, **score} for way, part, score in rows]


def _classes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Of each class the images that are named right, by the diagonals of the confusion matrices."""
    matrices = {
        name: np.array(facts[name]["confusion_matrix"]) for name in ("clusters", "neighbours", "probe")
    }
    return [
        {
            "name": name,
            "n": n,
            **{
                way: (int(matrix[label, label]), int(matrix[label].sum()))
                for way, matrix in matrices.items()
            },
        }
        for label, (name, n) in enumerate(facts["classes"].items())
    ]
