"""The charts of a report, as SVG text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitlab.data import PARTS
from vitlab.language import Language, Message
from vitlab.names import shown
from vitlab.reporting.plot import COLOURS, RED, SMALL, count_along, plotted, svg_text
from vitlab.reporting.results import PhaseResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 28  # letters of a class's name in a chart
SHORTEST = 2  # letters of names that have room beside each other
ANSWER = Message("answer")
MOST_ANNOTATED = 25  # classes whose confusions are written as numbers


def scores_chart(phases: Sequence[PhaseResult], metric: str, language: Language) -> str:
    """The accuracy or loss of each part, a bar per model (S0-19)."""
    with plotted(SMALL) as figure:
        axes = figure.subplots()
        width = 0.8 / len(phases)
        for index, phase in enumerate(phases):
            values = [phase.metrics[part][metric] for part in PARTS]
            places = np.arange(len(PARTS)) + (index - (len(phases) - 1) / 2) * width
            colour = COLOURS[index % len(COLOURS)]
            bars = axes.bar(places, values, width * 0.92, label=phase.name, color=colour)
            axes.bar_label(
                bars, [language.number(value, ".3f") for value in values], fontsize=8, padding=2
            )
        axes.set_xticks(range(len(PARTS)), [language(part) for part in PARTS])
        axes.set_title(language(metric))
        axes.grid(axis="x", visible=False)
        axes.margins(y=0.15)
        figure.legend(loc="outside lower center", ncols=3)
        return svg_text(figure, language)


def curves_chart(phases: Sequence[PhaseResult], metric: str, language: Language) -> str:
    """The accuracy or loss by epoch; a red line where a later phase begins (S0-22)."""
    lines = [line for phase in phases for line in phase.log]
    with plotted(SMALL) as figure:
        axes = figure.subplots()
        for part, colour in zip(("train", "val"), COLOURS, strict=False):
            epochs = [line["epoch_of_run"] for line in lines]
            marker = "." if len(lines) < 30 else None
            values = [line[part][metric] for line in lines]
            axes.plot(epochs, values, color=colour, label=language(part), marker=marker)
        _mark_phases(axes, phases, metric, language)
        axes.set_title(language(metric))
        axes.set_xlabel(language("epoch"))
        count_along(axes.xaxis)
        figure.legend(loc="outside lower center", ncols=2)
        return svg_text(figure, language)


def _mark_phases(axes: "Axes", phases: Sequence[PhaseResult], metric: str, language: Language) -> None:
    for index, phase in enumerate(phases):
        if not phase.log:
            continue
        first = phase.log[0]["epoch_of_run"]
        if index:
            label = language("{phase} begins", phase=phase.name)
            axes.axvline(first - 0.5, color=RED, linewidth=1.5, label=label)
        best = first + phase.card["trained"]["best_epoch"] - 1
        line = phase.log[phase.card["trained"]["best_epoch"] - 1]
        axes.plot(
            best,
            line["val"][metric],
            linestyle="none",
            marker="o",
            markerfacecolor="none",
            color="black",
            label=language("weights kept") if index == len(phases) - 1 else None,
        )


def confusion_chart(
    matrix: Sequence[Sequence[int]],
    class_names: Sequence[str],
    title: str,
    language: Language,
    columns: str = ANSWER,
) -> str:
    """Counts, coloured by the share of the true class (S0-23, S2-19)."""
    counts = np.array(matrix)
    class_names = short_names(class_names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes = len(class_names)
    cell = 0.42 if classes <= MOST_ANNOTATED else max(0.1, 10 / classes)
    side = 1.8 + cell * classes
    with plotted((side, side), grid=False) as figure:
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        if classes <= MOST_ANNOTATED:
            for (row, column), count in np.ndenumerate(counts):
                if count:
                    colour = "white" if shares[row, column] > 0.6 else "black"
                    axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
        small = min(9.0, 500 / classes)
        turn = 0 if max(map(len, class_names)) <= SHORTEST else 90
        axes.set_xticks(range(classes), class_names, rotation=turn, fontsize=small)
        axes.set_yticks(range(classes), class_names, fontsize=small)
        axes.set_xlabel(language.text(columns))
        axes.set_ylabel(language("truth"))
        axes.set_title(language.text(title))
        return svg_text(figure, language)


def parts_chart(counts: dict[str, dict[str, int]], language: Language) -> str:
    """Images per class and part, stacked."""
    names = list(next(iter(counts.values())))
    labels = short_names(names)
    places = np.arange(len(names))
    with plotted((6.5, 0.9 + 0.24 * len(names))) as figure:
        axes = figure.subplots()
        left = np.zeros(len(names))
        for colour, (part, by_class) in zip(COLOURS, counts.items(), strict=False):
            values = np.array([by_class[name] for name in names])
            axes.barh(places, values, left=left, label=language(part), color=colour)
            left += values
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(language("images"))
        axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        return svg_text(figure, language)


def histogram_chart(
    values: Sequence[float], title: str, axis: str, language: Language, *, doublings: bool = False
) -> str:
    """How many images have which value; in `doublings`, 100 and 200 are as far apart as 200 and 400."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low * 0.9, high * 1.1
    edges = (np.geomspace if doublings else np.linspace)(low, high, 31).tolist()
    with plotted(SMALL) as figure:
        axes = figure.subplots()
        axes.hist(values, edges, color=COLOURS[0])
        if doublings:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter(lambda value, _: language.number(value, "g"))
        count_along(axes.yaxis)
        axes.grid(axis="x", visible=False)
        axes.set_title(language.text(title))
        axes.set_xlabel(language.text(axis))
        axes.set_ylabel(language("images"))
        return svg_text(figure, language)


def short_names(names: Sequence[str]) -> list[str]:
    """Names of at most LONGEST letters as they are shown: longer ones would leave the chart no room."""
    return [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in map(shown, names)]
