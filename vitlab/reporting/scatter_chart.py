"""Images as points of a plane, with a sign for each class."""

import math
from collections.abc import Sequence

import numpy as np

from vitlab.language import Language
from vitlab.reporting.drawing import (
    COLOURS,
    FAINT,
    INK,
    Drawing,
    Mark,
    shortened,
    text_width,
)
from vitlab.reporting.drawings import WIDTH

MARKS: tuple[Mark, ...] = ("dot", "triangle", "square", "cross")  # with the colours, of 24 classes
MOST_NAMED = len(MARKS) * len(COLOURS)
LEFT, TOP, LINE = 24, 24, 18  # pixels; the last from one name to the next
FLATTEST, TALLEST = 200, 360  # pixels of the plane
OTHERS = 0.35  # their opacity


def scatter_chart(
    points: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    title: str,
    heading: str,
    axes: tuple[str, str],
    language: Language,
) -> str:
    """`points` [images, 2], with one unit for both axes. Of many classes the largest have signs of their
    own, the others are grey. `title` says what is seen to who cannot see it."""
    counts = np.bincount(labels, minlength=len(class_names))
    named = sorted(np.argsort(-counts, kind="stable")[:MOST_NAMED].tolist())
    names = [class_names[label] for label in named]
    if rest := len(class_names) - len(named):
        names.append(language("{n} other", "{n} others", n=rest))
    columns = 1 if len(names) <= 12 and max(map(text_width, names)) > _room(2) else 2
    lines = -(-len(names) // columns)
    places, height = _places(points)
    bottom = TOP + height
    drawing = Drawing(WIDTH, bottom + 30 + LINE * lines, title, language)
    drawing.write(LEFT, 15, heading, size=12)
    drawing.box(LEFT, TOP, WIDTH - LEFT - 1, height, f'fill="none" {FAINT}')
    drawing.write((LEFT + WIDTH) / 2, bottom + 15, axes[0], anchor="middle")
    drawing.write(15, TOP + height / 2, axes[1], anchor="middle", turned=True)
    size = 4.5 if len(points) <= 1000 else 3.5
    others = places[~np.isin(labels, named)]
    if len(others):
        _sign(drawing, MOST_NAMED, others.tolist(), size)
    for place, label in enumerate(named):
        _sign(drawing, place, places[labels == label].tolist(), size)
    for place, name in enumerate(names):
        x = LEFT + 6 + (WIDTH - LEFT) / columns * (place // lines)
        y = bottom + 34 + LINE * (place % lines)
        _sign(drawing, place, [(x, y)], 7)
        drawing.write(x + 11, y + 4, shortened(name, _room(columns)))
    return drawing.text()


def _room(columns: int) -> float:
    """For a name."""
    return (WIDTH - LEFT) / columns - 24


def _sign(drawing: Drawing, place: int, at: Sequence[Sequence[float]], size: float) -> None:
    """Of the class that is named at this place; beyond the last, of all others."""
    if place < MOST_NAMED:
        mark, colour = MARKS[place // len(COLOURS)], COLOURS[place % len(COLOURS)]
        drawing.signs(at, mark, colour, size)
    else:
        drawing.signs(at, "dot", INK, size, opacity=OTHERS)


def _places(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Pixels, and the height of the plane that they lie in: as flat as the points are, within limits."""
    room = 6
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    wide, tall = np.maximum(high - low, 1e-9).tolist()
    width = WIDTH - LEFT - 2 * room
    height = math.floor(min(max(width * tall / wide, FLATTEST), TALLEST))
    unit = min(width / wide, height / tall)
    middle = (low + high) / 2
    x = LEFT + room + width / 2 + unit * (points[:, 0] - middle[0])
    y = TOP + room + height / 2 - unit * (points[:, 1] - middle[1])
    return np.stack([x, y], axis=1), height + 2 * room
