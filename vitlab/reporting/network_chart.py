"""A network drawn as the maps that pass through it, as SVG text (row S2-14)."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitlab.language import ENGLISH
from vitlab.reporting.plot import COLOURS, plotted, svg_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 1.0  # between two layers, in doublings of the channels


@dataclass(frozen=True)
class Box:
    """`side`: positions per side of the maps (of tokens: the square root of their number)."""

    kind: str
    side: float
    channels: int
    shape: str


def network_chart(layers: Sequence[Mapping[str, Any]], title: str) -> str:
    """A box per layer: its height grows with the positions per side, its width with the channels.

    `layers` are rows of the layer table. Those without an output of their own are left out.
    """
    from matplotlib.patches import Rectangle

    boxes = [_box(row) for row in layers if row["output"] and row["kind"] != "Param"]
    kinds = list(dict.fromkeys(box.kind for box in boxes))
    tallest = max(box.side for box in boxes)
    with plotted((7.9, 3.2), grid=False) as figure:
        axes = figure.subplots()
        left = 0.0
        for shape, group in itertools.groupby(boxes, key=lambda box: box.shape):
            begins = left
            for box in group:
                width, height = 1 + math.log2(box.channels), max(math.sqrt(box.side / tallest), 0.06)
                colour = COLOURS[kinds.index(box.kind) % len(COLOURS)]
                axes.add_patch(Rectangle((left, -height / 2), width, height, color=colour))
                left += width + GAP
            _label(axes, (begins + left - GAP) / 2, shape)
        for kind, colour in zip(kinds, itertools.cycle(COLOURS), strict=False):
            axes.add_patch(Rectangle((0, 0), 0, 0, color=colour, label=kind))
        axes.set_xlim(-GAP, left)
        axes.set_ylim(-0.85, 0.55)
        axes.set_axis_off()
        axes.set_title(title)
        figure.legend(loc="outside lower center", ncols=5, fontsize=8)
        return svg_text(figure, ENGLISH)  # names of layers alone


def _label(axes: "Axes", place: float, shape: str) -> None:
    axes.text(place, -0.55, shape, rotation=90, ha="center", va="top", fontsize=7)


def _box(row: Mapping[str, Any]) -> Box:
    *positions, channels = row["output"]
    side = math.prod(positions) ** 0.5
    return Box(row["kind"], side, channels, " × ".join(map(str, row["output"])))
