"""Drawings that take the colours of the page around them, light or dark: SVG written by hand.

Where a drawing stands alone in a file, `currentColor` is black.
"""

import html
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from vitlab.language import Language
from vitlab.names import shown

# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
RED = "#C1121F"
INK = "currentColor"
FAINT = 'stroke="currentColor" stroke-opacity=".18"'
FONT = 11  # pixels
LETTER = 0.6  # its width in such sizes, in the wider of the fonts that browsers take

Scale = Callable[[float], float]
Mark = Literal["dot", "triangle", "square", "cross"]


class Drawing:
    """Shapes are added one by one; `text` gives the whole. Messages are written in the `language`."""

    def __init__(self, width: float, height: float, title: str, language: Language):
        self.width, self.height = width, height
        self.title, self.language = language.text(title), language
        self._parts: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str = FAINT) -> None:
        self._parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>')

    def path(self, points: Sequence[tuple[float, float]], colour: str, dashes: str = "") -> None:
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._parts.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.6"{dashed}/>'
        )

    def dot(self, x: float, y: float, colour: str, *, hollow: bool = False, radius: float = 4) -> None:
        paint = f'fill="none" stroke="{colour}" stroke-width="1.4"' if hollow else f'fill="{colour}"'
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" {paint}/>')

    def signs(
        self,
        places: Iterable[Sequence[float]],
        mark: Mark,
        colour: str,
        size: float,
        *,
        opacity: float = 1,
    ) -> None:
        """A sign of so many pixels at each place, all of them one element: thousands stay small."""
        if mark == "triangle":
            wide, tall = size * 1.2, size
            shape = f"m{-wide / 2:g} {tall / 2:g}h{wide:g}l{-wide / 2:g} {-tall:g}z"
            paint = f'fill="{colour}"'
        elif mark == "cross":
            shape = f"m{-size / 2:g} 0h{size:g}m{-size / 2:g} {-size / 2:g}v{size:g}"
            paint = f'fill="none" stroke="{colour}" stroke-width="{size / 3:.2g}"'
        else:  # the end of a line without length
            shape = "h0"
            cap = "round" if mark == "dot" else "square"
            paint = f'stroke="{colour}" stroke-width="{size:g}" stroke-linecap="{cap}"'
        path = "".join(f"M{x:.1f} {y:.1f}{shape}" for x, y in places)
        faint = f' opacity="{opacity:g}"' if opacity < 1 else ""
        self._parts.append(f'<path d="{path}" {paint}{faint}/>')

    def box(self, x: float, y: float, width: float, height: float, style: str) -> None:
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {style}/>'
        )

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "start",
        size: float = FONT,
        colour: str = INK,
        turned: bool = False,
        clear: bool = False,
    ) -> None:
        """`y` is the line that letters stand on; `turned` texts go upwards from there; a `clear` one
        covers the lines around it with the colour of the page."""
        halo = ' paint-order="stroke" stroke="var(--paper, white)" stroke-width="4"' if clear else ""
        turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" '
            f'fill="{colour}"{turn}{halo}>{html.escape(shown(self.language.text(text)))}</text>'
        )

    def text(self) -> str:
        title = html.escape(shown(self.title))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" width="{self.width:.0f}" '
            f'height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}" role="img" '
            f'aria-label="{title}" font-family="system-ui, sans-serif">\n'
            + "\n".join(self._parts)
            + "\n</svg>\n"
        )


def text_width(text: str, size: float = FONT) -> float:
    """About so many pixels."""
    return LETTER * size * len(text)


def clipped(text: str, width: float, size: float = FONT) -> str:
    """As much of a text as fits into so many pixels."""
    letters = max(4, int(width / (LETTER * size)))
    text = shown(text)
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def shortened(text: str, width: float, size: float = FONT) -> str:
    """A text cut in its middle until it fits: names that begin alike can still be told apart."""
    text = shown(text)
    kept = len(text)
    while text_width(text, size) > width and kept > 3:
        kept -= 1
        start = (kept + 1) // 2
        cut = f"{text[:start]}…{text[len(text) - (kept - start) :]}"
        if text_width(cut, size) <= width:
            return cut
    return text


def scale(low: float, high: float, start: float, end: float, *, doublings: bool = False) -> Scale:
    """From values to pixels, one end of the axis to the other."""
    if doublings:
        return lambda value: (
            start + (end - start) * math.log(value / low) / (math.log(high / low) or 1.0)
        )
    return lambda value: start + (end - start) * (value - low) / ((high - low) or 1.0)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values from `low` to `high`, about so many."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round values of a logarithmic axis: 1, 2, 5 and their tenfolds, or finer ones of a short axis."""
    if high / low < 8:
        return ticks(low, high)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high / low < 1000 else (1,)
    found = [float(f"{factor}e{power}") for power in powers for factor in factors]
    return [value for value in found if low <= value <= high]


def widened(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The ends of an axis that shows all the values with some room."""
    low, high = min(values), max(values)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room
