"""The charts that Matplotlib draws, as SVG text."""

from collections.abc import Sequence

import numpy as np

from vitlab.language import Language, Message
from vitlab.names import shown
from vitlab.reporting.plot import COLOURS, SMALL, count_along, plotted, svg_text

LONGEST = 28  # letters of a class's name in a chart
SHORTEST = 2  # letters of names that have room beside each other
ANSWER = Message("answer")
MOST_ANNOTATED = 25  # classes whose confusions are written as numbers


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
