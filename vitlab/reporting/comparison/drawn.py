"""All drawings of a comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.data import PARTS
from vitlab.evaluation import IN_POINTS, Predictions, confusion_matrix
from vitlab.language import Language, Message
from vitlab.reporting.comparison import charts
from vitlab.reporting.comparison.candidates import Compared
from vitlab.reporting.comparison.tables import FIGURE_TITLES
from vitlab.reporting.drawings import curves_chart, reliability_chart, scores_chart, with_finite_figures
from vitlab.reporting.matrix import matrix_chart, most_confused
from vitlab.reporting.rank_charts import MOST_CURVES, rank_charts

MOST_DIFFERENCES = 28  # pairs in the drawing of differences


def drawings(compared: Compared, found: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Each as SVG, by name; `found` is what `comparison.json` holds."""
    over = Message("test accuracy, %, with its 95 % interval")
    drawn = {
        "accuracy": charts.intervals_chart(_accuracies(found), over, language),
        "parts_accuracy": scores_chart(
            _scores(found, "accuracy"), "accuracy", Message("accuracy, %"), language
        ),
        "parts_loss": scores_chart(_scores(found, "loss"), "loss", Message("loss"), language),
        **rank_charts(_best_on_validation(compared, found), language),
        **_differences(found, language),
        **_curves(compared, language),
        **_costs(found, language),
    }
    matrices = matrices_of(compared)
    chosen = most_confused(matrices)
    for number, (one, matrix) in enumerate(zip(compared.candidates, matrices, strict=True), 1):
        heading = _numbered(number, one.name)
        drawn[f"confusion_{number}"] = matrix_chart(
            matrix, compared.class_names, heading, language, chosen=chosen
        )
        bins = found["reliability"][one.name]
        drawn[f"reliability_{number}"] = reliability_chart(bins, heading, language)
    return drawn


def _accuracies(found: Mapping[str, Any]) -> list[tuple[Message, float, Sequence[float] | None]]:
    """Of each model, with its interval; above those of a recipe of several seeds their mean."""
    means = {row["members"][0]: row for row in found["selection"] if len(row["members"]) > 1}
    rows = []
    for row in found["figures"]:
        if row["model"] in means:
            recipe = means[row["model"]]
            name = Message("mean of {model}", model=recipe["model"])
            rows.append((name, recipe["accuracy"], recipe["accuracy_interval"]))
        rows.append((_numbered(row["number"], row["model"]), row["accuracy"], row["accuracy_interval"]))
    return rows


def _differences(found: Mapping[str, Any], language: Language) -> dict[str, str]:
    """For each figure that pairs were tested by the surest of them."""
    drawn = {}
    for figure in found["tested_figures"]:
        pairs = [
            pair for pair in found["pairs"] if pair["figure"] == figure and pair["difference_interval"]
        ]
        if not pairs:
            continue
        rows = [
            (_difference_name(pair), pair["difference"], pair["difference_interval"])
            for pair in sorted(pairs, key=lambda pair: pair["p"])[:MOST_DIFFERENCES]
        ]
        title, in_points = FIGURE_TITLES[figure], figure in IN_POINTS
        of = Message("{figure}, points", figure=title) if in_points else title
        axis = (
            Message("difference of {figure}, corrected 95 % interval", figure=of)
            if min(family_sizes(found, figure)) > 1
            else Message("difference of {figure}, 95 % interval", figure=of)
        )
        name = "differences" if figure == "accuracy" else f"differences_{figure.replace('.', '_')}"
        drawn[name] = charts.intervals_chart(rows, axis, language, zero=True, percent=in_points)
    return drawn


def family_sizes(found: Mapping[str, Any], figure: str) -> list[int]:
    """How many pairs each kind of test by that figure is corrected for."""
    return [family[figure] for family in found["tested"].values() if family[figure]]


def _scores(found: Mapping[str, Any], metric: str) -> list[tuple[str, dict[str, float]]]:
    return [
        (_numbered(row["number"], row["model"]), {part: row[f"{part}_{metric}"] for part in PARTS})
        for row in found["parts"]
    ]


def _best_on_validation(compared: Compared, found: Mapping[str, Any]) -> dict[int, Predictions]:
    """As many models as a chart of curves shows, by number; of a recipe its first."""
    numbers = sorted(row["number"] for row in found["selection"][:MOST_CURVES])
    return {number: compared.candidates[number - 1].test for number in numbers}


def _numbered(number: int, model: str) -> Message:
    return Message("{number}  {model}", number=number, model=model)


def _difference_name(pair: Mapping[str, Any]) -> Message:
    """The numbers first: names may be too long for the drawing."""
    return Message(
        "{second_number} − {first_number}  {second} − {first}",
        **{key: pair[key] for key in ("second_number", "first_number", "second", "first")},
    )


def matrices_of(compared: Compared) -> list[np.ndarray]:
    classes = len(compared.class_names)
    return [confusion_matrix(one.test.labels, one.test.answers, classes) for one in compared.candidates]


def _curves(compared: Compared, language: Language) -> dict[str, str]:
    """Of each run; epochs whose loss became no number are left out."""
    drawn = {}
    for number, run in enumerate(compared.runs, 1):
        log = with_finite_figures(run.log)
        if not log:
            continue
        best = {
            one.phase: (one.card.get("trained") or {}).get("best_epoch")
            for candidate in compared.candidates
            for one in candidate.folds or (candidate,)
            if one.run is run
        }
        for metric, title in (
            ("accuracy", Message("accuracy of {name} by epoch", name=run.name)),
            ("loss", Message("loss of {name} by epoch", name=run.name)),
        ):
            drawn[f"curves_{metric}_{number}"] = curves_chart(log, best, metric, title, language)
    return drawn


def _costs(found: Mapping[str, Any], language: Language) -> dict[str, str]:
    drawn = {}
    if found["latency"]:
        title = Message("test accuracy against the time of an answer")
        axis = Message("milliseconds an image, logarithmic")
        drawn["latency"] = charts.scatter_chart(
            found["latency"], "milliseconds", axis, title, language, front=True
        )
    seconds = {row["model"]: row["cumulative_seconds"] for row in found["costs"]}
    trained = []
    for row in found["selection"]:
        spent = [seconds[name] for name in row["members"]]
        if all(spent):
            trained.append(row | {"cumulative_seconds": float(np.mean(spent))})
    if trained:
        title = Message("test accuracy against the time of training")
        axis = Message("seconds of training, logarithmic")
        drawn["training_time"] = charts.scatter_chart(
            trained, "cumulative_seconds", axis, title, language
        )
    return drawn
