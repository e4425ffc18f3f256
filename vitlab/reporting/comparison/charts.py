"""The drawings of a comparison alone: intervals, cost against accuracy."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.language import Language
from vitlab.reporting.drawing import (
    INK,
    Drawing,
    clipped,
    scale,
    ticks,
    widened,
)
from vitlab.reporting.drawings import ROW, WIDTH
from vitlab.reporting.plot import COLOURS, RED


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
    """Accuracy with its interval against a cost, each model by its number.

    `front` joins those that no other of the same machine beats.
    """
    height = 300
    drawing = Drawing(WIDTH, height, title, language)
    xs, ys = [row[key] for row in rows], [100 * row["accuracy"] for row in rows]
    ends = [[100 * end for end in row["accuracy_interval"]] for row in rows]
    left, right = min(xs) / 1.25, max(xs) * 1.25
    low, high = widened([*itertools.chain(*ends)])
    low, high = max(low, 0.0), min(high, 100.0)
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
        for machine in sorted({row["machine"] for row in rows}):
            best = [row for row in rows if row["on_front"] and row["machine"] == machine]
            places = sorted((row[key], 100 * row["accuracy"]) for row in best)
            drawing.path([(across(x), up(y)) for x, y in places], COLOURS[2], "4 3")
    for x, y, (bottom, top), row in zip(xs, ys, ends, rows, strict=True):
        drawing.line(across(x), up(bottom), across(x), up(top), f'stroke="{INK}" stroke-opacity=".45"')
        drawing.dot(across(x), up(y), COLOURS[2] if row.get("on_front") else COLOURS[0])
        drawing.write(across(x) + 6, up(y) - 5, str(row["number"]))
    return drawing.text()
