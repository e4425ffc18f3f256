"""How many images have which value, as a drawing."""

import math
from collections.abc import Sequence

import numpy as np

from vitlab.language import Language
from vitlab.reporting.drawing import COLOURS, Drawing, clipped, scale, ticks
from vitlab.reporting.drawings import WIDTH

BARS = 30


def histogram_chart(values: Sequence[float], title: str, axis: str, language: Language) -> str:
    """Of values above 0; 100 and 200 are as far apart as 200 and 400."""
    low, high = min(values), max(values)
    marks = [2**exponent for exponent in ticks(math.log2(low), math.log2(high), 4)]
    if low == high:
        marks, low, high = [low], low * 0.9, high * 1.1
    edges = np.geomspace(low, high, BARS + 1)
    edges[0], edges[-1] = low, high  # not a rounding away from them
    counts = np.histogram(values, edges)[0].tolist()
    height = 250
    drawing = Drawing(WIDTH, height, title, language)
    across = scale(low, high, 52, WIDTH - 16, doublings=True)
    up = scale(0, max(counts), height - 42, 30)
    drawing.write(52, 16, clipped(drawing.title, WIDTH - 60, 12), size=12)
    for tick in ticks(0, max(counts)):
        if tick == round(tick):
            drawing.line(52, up(tick), WIDTH - 16, up(tick))
            drawing.write(47, up(tick) + 4, language.number(round(tick)), anchor="end")
    for left, right, count in zip(edges.tolist(), edges[1:].tolist(), counts, strict=False):
        width, top = across(right) - across(left), up(count)
        drawing.box(across(left), top, width, height - 42 - top, f'fill="{COLOURS[0]}"')
    for mark in marks:
        text = language.as_written(f"{mark:.3g}")
        drawing.write(across(mark), height - 26, text, anchor="middle")
    drawing.write((WIDTH + 36) / 2, height - 8, language.text(axis), anchor="middle")
    drawing.write(12, height / 2, language("images"), anchor="middle", turned=True)
    return drawing.text()
