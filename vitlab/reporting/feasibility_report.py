"""The page of a study of embeddings before any training: all of it is what `feasibility.json` says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from vitlab import files
from vitlab.language import Language, Message
from vitlab.reporting.matrix import matrix_chart, most_confused
from vitlab.reporting.page import data_address, render
from vitlab.reporting.scatter_chart import MOST_NAMED, scatter_chart

TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
MATRICES = {
    "clusters": (Message("clusters"), Message("cluster's class")),
    "neighbours": (Message("neighbours"), Message("neighbour's class")),
    "probe": (Message("classifier"), Message("answer")),
}
RECOVERY = {
    "excellent": Message("excellent recovery"),
    "good": Message("good recovery"),
    "moderate": Message("moderate recovery"),
    "poor": Message("poor recovery"),
}


def write_feasibility_report(facts: dict[str, Any], folder: Path, language: Language) -> None:
    """Writes `figures/*.svg` and `report.html`."""
    counts = {name: np.array(facts[name]["confusion_matrix"]) for name in MATRICES}
    chosen = most_confused(list(counts.values()))
    matrices = {
        f"confusion_{name}": matrix_chart(
            counts[name], list(facts["classes"]), title, language, chosen=chosen, columns=columns
        )
        for name, (title, columns) in MATRICES.items()
    }
    planes = _planes(facts, language)
    for name, svg in (planes | matrices).items():
        files.write_text(folder / "figures" / f"{name}.svg", svg)
    page = render(
        "feasibility.html",
        language,
        facts=facts,
        place=Path(facts["config"]["dataset"]["path"]).name,
        scores=_scores(facts),
        classes=_classes(facts),
        charts={name: data_address(svg) for name, svg in planes.items()},
        drawings={name: Markup(svg) for name, svg in matrices.items()},
        titles=TITLES,
        recovery=RECOVERY[facts["clusters"]["recovery"]],
        most_named=MOST_NAMED,
        shown_classes=len(chosen),
        config_text=json.dumps(facts["config"], indent=2, ensure_ascii=False),
    )
    files.write_text(folder / "report.html", page)


def _planes(facts: dict[str, Any], language: Language) -> dict[str, str]:
    """SVG by the name of the projection."""
    names = list(facts["classes"])
    number = {name: label for label, name in enumerate(names)}
    shown = [row for row in facts["images"] if "pca" in row]
    labels = np.array([number[row["label"]] for row in shown])
    charts = {}
    for name, about in facts["projections"].items():
        axes = ("", "")
        if name == "pca":
            first, second = (
                language("{share:.1%} of the variance", share=share) for share in about["share"]
            )
            axes = (first, second)
        points = np.array([row[name] for row in shown])
        charts[name] = scatter_chart(points, labels, names, TITLES[name], axes, language)
    return charts


def _scores(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each way of naming images, and each set of images that it was tried on."""
    neighbours, probe = facts["neighbours"], facts["probe"]
    rows = (
        (
            Message("always {name}", name=facts["baseline"]["class"]),
            Message("test"),
            facts["baseline"]["test"],
        ),
        (Message("clusters, matched to classes"), Message("all"), facts["clusters"]["score"]),
        (Message("nearest other image"), Message("all"), neighbours["leave_one_out"]),
        (Message("nearest training image"), Message("val"), neighbours["val"]),
        (Message("nearest training image"), Message("test"), neighbours["test"]),
        (Message("linear classifier"), Message("val"), probe["val"]),
        (Message("linear classifier"), Message("test"), probe["test"]),
    )
    return [{"way": way, "part": part, **score} for way, part, score in rows]


def _classes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Of each class the images that are named right, by the diagonals of the confusion matrices."""
    matrices = {name: np.array(facts[name]["confusion_matrix"]) for name in MATRICES}
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
