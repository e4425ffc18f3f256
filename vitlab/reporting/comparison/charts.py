"""The drawings of a comparison alone: intervals, matrices, cost against accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.language import Language
from vitlab.reporting.drawing import FAINT, INK, Drawing, clipped, scale, text_width, ticks, widened
from vitlab.reporting.drawings import ROW, WIDTH
from vitlab.reporting.plot import COLOURS, RED

SHORTEST = 2  # letters of names that have room beside each other
MOST_CLASSES = 30  # of a matrix in which names and numbers can be read


def intervals_chart(
    rows: Sequence[tuple[str, float, Sequence[float] | None]],
    title: str,
    language: Language,
    *,
    zero: bool = False,
) -> str:
    """A dot and its interval for each row, in percent; `zero`: a line where there is no difference."""
    drawing = Drawing(WIDTH, 44 + ROW * len(rows), title, language)
    ends = [end for _, value, interval in rows for end in (value, *(interval or ()))]
    low, high = widened([100 * end for end in ends] + ([0.0] if zero else []))
    if not zero:
        high = min(high, 100.0) if high > 100 else high
    across = scale(low, high, 12, WIDTH - 12)
    bottom = 10 + ROW * len(rows)
    for tick in ticks(low, high):
        drawing.line(across(tick), 8, across(tick), bottom)
        drawing.write(across(tick), bottom + 15, language.number(tick, "g"), anchor="middle")
    if zero:
        drawing.line(across(0), 8, across(0), bottom, f'stroke="{RED}" stroke-width="1.2"')
    for index, (name, value, interval) in enumerate(rows):
        y = 10 + ROW * index
        drawing.write(12, y + 11, clipped(language.text(name), WIDTH - 24), clear=True)
        if interval is not None:
            left, right = (across(100 * end) for end in interval)
            drawing.line(left, y + 22, right, y + 22, f'stroke="{INK}" stroke-width="1.6"')
        drawing.dot(across(100 * value), y + 22, COLOURS[0])
    drawing.write(WIDTH / 2, bottom + 31, drawing.title, anchor="middle")
    return drawing.text()


def scatter_chart(
    rows: Sequence[Mapping[str, Any]],
    key: str,
    axis: str,
    title: str,
    language: Language,
    *,
    front: bool = False,
) -> str:
    """Accuracy against a cost, each model by its number; `front` joins those that no other beats."""
    height = 300
    drawing = Drawing(WIDTH, height, title, language)
    xs, ys = [row[key] for row in rows], [100 * row["accuracy"] for row in rows]
    left, right = min(xs) / 1.25, max(xs) * 1.25
    low, high = widened(ys, 0.12)
    across = scale(left, right, 46, WIDTH - 14, doublings=True)
    up = scale(low, high, height - 44, 16)
    for tick in ticks(low, high):
        drawing.line(46, up(tick), WIDTH - 14, up(tick))
        drawing.write(42, up(tick) + 4, language.number(tick, "g"), anchor="end")
    anchors = ("start", "middle", "middle", "middle", "end")  # those at the edges have no room beyond
    for tick, anchor in zip(np.geomspace(left, right, 5).tolist(), anchors, strict=True):
        drawing.write(across(tick), height - 28, language.number(tick, ".2g"), anchor=anchor)
    drawing.write(
        WIDTH / 2, height - 9, language("{axis}; upwards: test accuracy, %", axis=axis), anchor="middle"
    )
    if front:
        best = sorted((row[key], 100 * row["accuracy"]) for row in rows if row["on_front"])
        drawing.path([(across(x), up(y)) for x, y in best], COLOURS[2], "4 3")
    for x, y, row in zip(xs, ys, rows, strict=True):
        drawing.dot(across(x), up(y), COLOURS[2] if row.get("on_front") else COLOURS[0])
        drawing.write(across(x) + 6, up(y) - 5, str(row["number"]))
    return drawing.text()


def matrix_chart(
    counts: np.ndarray, class_names: Sequence[str], chosen: Sequence[int], title: str, language: Language
) -> str:
    """Counts coloured by their share of the true class, of the chosen classes (S0-23)."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = max(17.0, min(34.0, 280 / len(chosen)))
    edge = 10 + max(text_width(clipped(class_names[label], 104)) for label in chosen)
    side = cell * len(chosen)
    width = max(edge + side + 14, min(text_width(language.text(title), 12), 340) + 20)
    drawing = Drawing(width, edge + side + 40, title, language)
    drawing.write(edge, 16, clipped(drawing.title, width - edge), size=12)
    top = 28.0
    for row, label in enumerate(chosen):
        y = top + cell * row
        drawing.write(edge - 5, y + cell / 2 + 4, clipped(class_names[label], 104), anchor="end")
        for column, answer in enumerate(chosen):
            x, share = edge + cell * column, float(shares[label, answer])
            paint = f'fill="{COLOURS[0]}" fill-opacity="{share:.3f}" {FAINT}'
            drawing.box(x, y, cell, cell, paint)
            if counts[label, answer]:
                colour = "white" if share > 0.55 else INK
                size = min(11.0, cell / (0.62 * len(str(counts[label, answer])) + 0.4))
                drawing.write(
                    x + cell / 2,
                    y + cell / 2 + size * 0.36,
                    str(counts[label, answer]),
                    anchor="middle",
                    size=round(size, 1),
                    colour=colour,
                )
    is_narrow = max(len(class_names[answer]) for answer in chosen) <= SHORTEST
    for column, answer in enumerate(chosen):
        x = edge + cell * column + cell / 2
        if is_narrow:
            drawing.write(x, top + side + 14, class_names[answer], anchor="middle")
        else:
            text = clipped(class_names[answer], edge - 8)
            drawing.write(x + 4, top + side + 5, text, anchor="end", turned=True)
    return drawing.text()


def most_confused(matrices: Sequence[np.ndarray]) -> list[int]:
    """All classes, or of many those that take part in most mistakes of all the models."""
    total = np.sum(matrices, axis=0)
    classes = len(total)
    if classes <= MOST_CLASSES:
        return list(range(classes))
    np.fill_diagonal(total, 0)
    mistakes = total.sum(axis=0) + total.sum(axis=1)
    return sorted(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES].tolist())
