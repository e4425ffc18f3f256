"""Matplotlib in the style of the reports.

It is imported with the first chart: a run needs the third of a second that it takes for its first step.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vitlab.language import Language
from vitlab.names import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
RED = "#C1121F"

_STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e5e5e5",
    "legend.frameon": False,
    "svg.fonttype": "none",  # letters stay letters: small, sharp, searchable
    "svg.hashsalt": "vitlab",  # the same figure is the same file
    "text.parse_math": False,  # a class may be called $x$
}


@contextlib.contextmanager
def plotted(size: tuple[float, float], *, grid: bool = True) -> Iterator["Figure"]:
    """An empty figure of so many inches; what is drawn within has the style."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE | {"axes.grid": grid}):
        yield Figure(figsize=size, layout="constrained")


def svg_text(figure: "Figure", language: Language) -> str:
    """The figure as SVG, in which nothing but its own line breaks disturbs the text around it."""
    from matplotlib.ticker import ScalarFormatter

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if type(axis.get_major_formatter()) is ScalarFormatter:
                axis.set_major_formatter(_ticks(language))
    text = io.StringIO()
    with warnings.catch_warnings():
        # Glyphs that Matplotlib's font lacks are drawn by the browser's fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(shown(line) for line in text.getvalue().split("\n"))


def _ticks(language: Language) -> "Formatter":
    """The numbers along an axis as the language writes them."""
    from matplotlib.ticker import ScalarFormatter

    class Ticks(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return language.as_written(super().__call__(x, pos))

    return Ticks()
