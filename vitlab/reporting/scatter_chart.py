"""Images as points of a plane, coloured by class, as SVG text."""

from collections.abc import Sequence

import numpy as np

from vitlab.language import Language
from vitlab.names import shown
from vitlab.reporting.plot import COLOURS, plotted, svg_text

PALETTE = (*COLOURS, "#F0E442", "#000000")  # all that Okabe and Ito have
MARKS = ("o", "^", "s")  # with the colours, a sign for each of 24 classes
MOST_NAMED = len(MARKS) * len(PALETTE)
OTHERS = "#b0b0b0"
LONGEST = 28  # letters of a class's name; longer ones would leave the chart no room


def scatter_chart(
    points: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    title: str,
    axes_names: tuple[str, str],
    language: Language,
) -> str:
    """`points` [images, 2]. Of many classes the largest have signs of their own, the others are grey."""
    counts = np.bincount(labels, minlength=len(class_names))
    named = sorted(np.argsort(-counts, kind="stable")[:MOST_NAMED].tolist())
    names = [_short(name) for name in class_names]
    columns = 1 if max(len(names[label]) for label in named) > 16 else 2
    lines = -(-(len(named) + (len(named) < len(names))) // columns)
    with plotted((4.4, 4.2 + 0.19 * lines), grid=False) as figure:
        axes = figure.subplots()
        others = points[~np.isin(labels, named)]
        if len(others):
            label = language("{n} other", "{n} others", n=len(names) - len(named))
            axes.plot(*others.T, ".", color=OTHERS, markersize=3, label=label)
        size = 4.5 if len(points) <= 1000 else 3.5
        for place, number in enumerate(named):
            axes.plot(
                *points[labels == number].T,
                linestyle="none",
                marker=MARKS[place // len(PALETTE)],
                markersize=size,
                markeredgewidth=0,
                color=PALETTE[place % len(PALETTE)],
                label=names[number],
            )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel(language.text(axes_names[0]))
        axes.set_ylabel(language.text(axes_names[1]))
        axes.set_title(title)
        figure.legend(loc="outside lower center", ncols=columns, fontsize=9, markerscale=1.3)
        return svg_text(figure, language)


def _short(name: str) -> str:
    name = shown(name)
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
