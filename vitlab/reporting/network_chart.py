"""A network drawn as the maps that pass through it (row S2-14)."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitlab.language import ENGLISH
from vitlab.reporting.drawing import COLOURS, Drawing, clipped, scale, text_width

WIDTH = 760  # pixels
HEIGHT = 150  # of the largest maps
GAP = 1.0  # between two layers, in doublings of the channels
LETTERS = 9  # pixels, of the shapes


@dataclass(frozen=True)
class Box:
    """`side`: positions per side of the maps (of tokens: the square root of their number)."""

    kind: str
    side: float
    channels: int
    shape: str

    @property
    def width(self) -> float:
        return 1 + math.log2(self.channels)


def network_chart(layers: Sequence[Mapping[str, Any]], title: str) -> str:
    """A box per layer: its height grows with the positions per side, its width with the channels.

    `layers` are rows of the layer table. Those without an output of their own are left out. Below
    stands the shape of what follows, where there is room.
    """
    boxes = [_box(row) for row in layers if row["output"] and row["kind"] != "Param"]
    colours = dict(zip(dict.fromkeys(box.kind for box in boxes), itertools.cycle(COLOURS), strict=False))
    tallest = max(box.side for box in boxes)
    room = max(text_width(box.shape, LETTERS) for box in boxes)
    rows = list(_legend_rows(list(colours)))
    below = 34 + HEIGHT + room
    drawing = Drawing(WIDTH, below + 18 * len(rows) + 12, title, ENGLISH)  # names of layers alone
    drawing.write(WIDTH / 2, 16, clipped(title, WIDTH, 12), anchor="middle", size=12)
    across = scale(0, sum(box.width + GAP for box in boxes) - GAP, 12, WIDTH - 12)
    left, labelled = 0.0, -math.inf
    for shape, group in itertools.groupby(boxes, key=lambda box: box.shape):
        begins = left
        for box in group:
            height = HEIGHT * max(math.sqrt(box.side / tallest), 0.06)
            width = across(left + box.width) - across(left)
            top = 24 + (HEIGHT - height) / 2
            drawing.box(across(left), top, width, height, f'fill="{colours[box.kind]}"')
            left += box.width + GAP
        middle = (across(begins) + across(left - GAP)) / 2
        if middle - labelled >= LETTERS + 1:
            drawing.write(middle + 3, 30 + HEIGHT, shape, anchor="end", size=LETTERS, turned=True)
            labelled = middle
    for number, row in enumerate(rows):
        for x, kind in row:
            drawing.dot(x, below + 18 * number + 10, colours[kind])
            drawing.write(x + 9, below + 18 * number + 14, kind)
    return drawing.text()


def _legend_rows(kinds: Sequence[str]) -> list[list[tuple[float, str]]]:
    """Each kind and where it begins, as many beside each other as there is room for."""
    rows: list[list[tuple[float, str]]] = [[]]
    x = 16.0
    for kind in kinds:
        width = 30 + text_width(kind)
        if rows[-1] and x + width > WIDTH:
            rows.append([])
            x = 16.0
        rows[-1].append((x, kind))
        x += width
    return rows


def _box(row: Mapping[str, Any]) -> Box:
    *positions, channels = row["output"]
    side = math.prod(positions) ** 0.5
    return Box(row["kind"], side, channels, " × ".join(map(str, row["output"])))
