"""The drawings of a comparison alone: intervals, cost against accuracy."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from vitlab.language import Language
from vitlab.reporting.drawing import (
    COLOURS,
    FONT,
    INK,
    RED,
    Drawing,
    clipped,
    log_ticks,
    scale,
    text_width,
    ticks,
    widened,
)
from vitlab.reporting.drawings import ROW, WIDTH

DOT = 4  # its radius
MOST_STEPS = 14  # of half a line each, that a text may stand above its dot, or below it
Box = tuple[float, float, float, float]  # left, top, right, bottom


def intervals_chart(
    rows: Sequence[tuple[str, float, Sequence[float] | None]],
    title: str,
    language: Language,
    *,
    zero: bool = False,
    percent: bool = True,
) -> str:
    """A dot and its interval for each row, in percent; `zero`: a line where there is no difference.

    Without `percent` values stand as they are.
    """
    times = 100 if percent else 1
    drawing = Drawing(WIDTH, 44 + ROW * len(rows), title, language)
    ends = [end for _, value, interval in rows for end in (value, *(interval or ()))]
    low, high = widened([times * end for end in ends] + ([0.0] if zero else []))
    if not zero:
        high = min(high, 100.0) if high > 100 else high
    across = scale(low, high, 12, WIDTH - 12)
    bottom = 10 + ROW * len(rows)
    for tick in ticks(low, high):
        drawing.line(across(tick), 8, across(tick), bottom)
        drawing.write(across(tick), bottom + 15, language.number(tick, "g"), anchor="middle")
    for index, (name, value, interval) in enumerate(rows):
        y = 10 + ROW * index
        drawing.write(12, y + 11, clipped(language.text(name), WIDTH - 24), clear=True)
        if zero:  # beside the names, which it would cross
            drawing.line(across(0), y + 15, across(0), y + 29, f'stroke="{RED}" stroke-width="1.2"')
        if interval is not None:
            left, right = (across(times * end) for end in interval)
            drawing.line(left, y + 22, right, y + 22, f'stroke="{INK}" stroke-width="1.6"')
        drawing.dot(across(times * value), y + 22, COLOURS[0])
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
    """Accuracy, with its interval where it has one, against a cost, each row by its number.

    `front` joins those that no other of the same machine beats.
    """
    height = 300
    drawing = Drawing(WIDTH, height, title, language)
    xs, ys = [row[key] for row in rows], [100 * row["accuracy"] for row in rows]
    ends = [[100 * end for end in row["accuracy_interval"] or (row["accuracy"],)] for row in rows]
    left, right = min(xs) / 1.25, max(xs) * 1.25
    low, high = widened([*itertools.chain(*ends)])
    low, high = max(low, 0.0), min(high, 100.0)
    across = scale(left, right, 46, WIDTH - 14, doublings=True)
    up = scale(low, high, height - 44, 16)
    for tick in ticks(low, high):
        drawing.line(46, up(tick), WIDTH - 14, up(tick))
        drawing.write(42, up(tick) + 4, language.number(tick, "g"), anchor="end")
    for tick in log_ticks(left, right):
        text = language.number(tick, "g")
        middle = min(across(tick), WIDTH - 2 - text_width(text) / 2)
        drawing.write(middle, height - 28, text, anchor="middle")
    drawing.write(
        WIDTH / 2, height - 9, language("{axis}; upwards: test accuracy, %", axis=axis), anchor="middle"
    )
    if front:
        for machine in sorted({row["machine"] for row in rows}):
            best = [row for row in rows if row["on_front"] and row["machine"] == machine]
            places = sorted((row[key], 100 * row["accuracy"]) for row in best)
            drawing.path([(across(x), up(y)) for x, y in places], COLOURS[2], "4 3")
    for x, y, interval, row in zip(xs, ys, ends, rows, strict=True):
        style = f'stroke="{INK}" stroke-opacity=".45"'
        drawing.line(across(x), up(min(interval)), across(x), up(max(interval)), style)
        drawing.dot(across(x), up(y), COLOURS[2] if row.get("on_front") else COLOURS[0])
    dots = [(across(x), up(y)) for x, y in zip(xs, ys, strict=True)]
    texts = [str(row["number"]) for row in rows]
    for (x, y), text in zip(_free_places(dots, texts), texts, strict=True):
        drawing.write(x, y, text)
    return drawing.text()


def _free_places(dots: Sequence[tuple[float, float]], texts: Sequence[str]) -> list[tuple[float, float]]:
    """Where to write the text of each dot, near it, so that none covers another text or a dot."""
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in dots]
    places = []
    for (x, y), text in zip(dots, texts, strict=True):
        width = text_width(text)
        near = sorted(
            (
                (x + side, y + FONT * step / 2)
                for side in (6, -6 - width, 6 + 2 * width, -6 - 3 * width)
                for step in range(-MOST_STEPS, MOST_STEPS)
            ),
            key=lambda place: math.hypot(place[0] + width / 2 - x, place[1] - FONT / 2 - y),
        )
        boxes = {place: (place[0], place[1] - FONT, place[0] + width, place[1]) for place in near}
        inside = (place for place in near if place[0] > 46 and place[0] + width < WIDTH)
        free = (place for place in inside if not any(_meet(boxes[place], other) for other in taken))
        place = next(free, (x + 6, y - 5))
        taken.append(boxes.get(place, (x, y, x, y)))
        places.append(place)
    return places


def _meet(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
