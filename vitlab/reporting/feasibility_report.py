"""The page of a study of embeddings before any training: all of it is what `feasibility.json` says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from vitlab import files
from vitlab.language import Language, Message
from vitlab.reporting.commands import circumstances_text, made_by
from vitlab.reporting.matrix import matrix_chart, most_confused
from vitlab.reporting.page import render
from vitlab.reporting.scatter_chart import MOST_NAMED, scatter_chart
from vitlab.reporting.tables import Column, Table

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

_SCORE_COLUMNS = (
    Column("way", "way"),
    Column("part", "images"),
    Column("n", "n", "count"),
    Column("right", "right", "count"),
    Column("accuracy", "accuracy", "percent"),
)
_CLASS_COLUMNS = (
    Column("name", "class"),
    Column("n", "images", "count"),
    Column("clusters", "in its cluster", "percent"),
    Column("neighbours", "nearest is of the class", "percent"),
    Column("tested", "test images", "count"),
    Column("probe", "named right in the test part", "percent"),
)


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
    planes, classes = _planes(facts, language), _classes(facts)
    for name, svg in (planes | matrices).items():
        files.write_text(folder / "figures" / f"{name}.svg", svg)
    page = render(
        "feasibility.html",
        language,
        facts=facts,
        place=Path(facts["config"]["dataset"]["path"]).name,
        scores=Table("scores", _SCORE_COLUMNS, _scores(facts)),
        classes=Table("classes", _CLASS_COLUMNS, classes),
        untested=[row["name"] for row in classes if not row["tested"]],
        drawings={name: Markup(svg) for name, svg in (planes | matrices).items()},
        recovery=RECOVERY[facts["clusters"]["recovery"]],
        most_named=MOST_NAMED,
        shown_classes=len(chosen),
        made=made_by(facts),
        config_text=json.dumps(facts["config"], indent=2, ensure_ascii=False),
        circumstances=circumstances_text(facts),
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
        points, method = np.array([row[name] for row in shown]), TITLES[name]
        title = language("The images in two dimensions by {method}, coloured by class", method=method)
        charts[name] = scatter_chart(points, labels, names, title, method, axes, language)
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
    return [
        {"way": way, "part": part, "accuracy_interval": score["interval"], **score}
        for way, part, score in rows
    ]


def _classes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Of each class the share of its images that are named right, by the confusion matrices; None where
    it has none that could be."""
    shares: dict[str, list[float | None]] = {}
    of_class: dict[str, list[int]] = {}
    for way in MATRICES:
        matrix = np.array(facts[way]["confusion_matrix"])
        of_class[way] = matrix.sum(axis=1).tolist()
        pairs = zip(matrix.diagonal().tolist(), of_class[way], strict=True)
        shares[way] = [right / n if n else None for right, n in pairs]
    return [
        {
            "name": name,
            "n": n,
            "tested": of_class["probe"][label],
            **{way: share[label] for way, share in shares.items()},
        }
        for label, (name, n) in enumerate(facts["classes"].items())
    ]
