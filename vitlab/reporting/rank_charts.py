"""The ROC and precision-recall curves of several models, each the mean over the classes."""

import numpy as np

from vitlab.evaluation import GRID, Predictions, mean_curves
from vitlab.language import Language, Message
from vitlab.reporting.drawing import COLOURS, Drawing, scale

MOST_CURVES = 6  # as many as there are colours
SIDE = 300
# The later a curve is drawn, the more of those below can be seen through it where they coincide.
DASHES = ("", "14 5", "9 7", "6 9", "4 10", "2 8")


def rank_charts(models: dict[int, Predictions], language: Language) -> dict[str, str]:
    """SVG by name, of models by their numbers; one without a single curve is left out."""
    curves = {number: mean_curves(one.labels, one.probabilities) for number, one in models.items()}
    named = {
        "roc": (
            {number: found.recall for number, found in curves.items()},
            Message("ROC curves, the mean over the classes"),
            Message("false positive rate; upwards: recall"),
        ),
        "precision_recall": (
            {number: found.precision for number, found in curves.items()},
            Message("precision-recall curves, the mean over the classes"),
            Message("recall; upwards: precision"),
        ),
    }
    drawn = {}
    for name, (found, title, axis) in named.items():
        lines = {number: line for number, line in found.items() if line is not None}
        if lines:
            drawn[name] = _chart(lines, title, axis, language)
    return drawn


def _chart(lines: dict[int, np.ndarray], title: str, axis: str, language: Language) -> str:
    drawing = Drawing(SIDE + 60, SIDE + 86, title, language)
    across, up = scale(0, 1, 40, 40 + SIDE), scale(0, 1, 44 + SIDE, 44)
    drawing.write(40, 14, drawing.title)
    for tick in (0, 0.25, 0.5, 0.75, 1):
        drawing.line(40, up(tick), 40 + SIDE, up(tick))
        drawing.write(36, up(tick) + 4, language.number(tick, "g"), anchor="end")
        drawing.write(across(tick), SIDE + 60, language.number(tick, "g"), anchor="middle")
    drawing.write(40 + SIDE / 2, SIDE + 78, axis, anchor="middle")
    for place, (number, line) in enumerate(lines.items()):
        colour, dashes = COLOURS[place], DASHES[place]
        points = [(across(x), up(y)) for x, y in zip(GRID.tolist(), line.tolist(), strict=True)]
        drawing.path(points, colour, dashes)
        begin = 40 + 52 * place
        drawing.path([(begin, 30), (begin + 26, 30)], colour, dashes)
        drawing.write(begin + 30, 34, str(number))
    return drawing.text()
