"""The loss by learning rate, of a range test, as SVG text."""

from vitlab.language import ENGLISH
from vitlab.reporting.plot import COLOURS, RED, plotted, svg_text
from vitlab.training import RangeTest


def rate_chart(test: RangeTest, title: str) -> str:
    """Each batch's loss, the smoothed one, and the rate that it suggests, if any.

    What rises far above the start is cut off: it would press all the rest flat.
    """
    first, lowest = test.smoothed[0], min(test.smoothed)
    with plotted((6.5, 3.8)) as figure:
        axes = figure.subplots()
        axes.plot(test.rates, test.losses, color=COLOURS[4], linewidth=0.8, label="batch")
        axes.plot(test.rates, test.smoothed, color=COLOURS[0], linewidth=2, label="smoothed")
        if test.suggestion is not None:
            axes.axvline(test.suggestion, color=RED, label=f"suggested: {test.suggestion:.2g}")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        room = max(first - lowest, 0.1 * abs(first))
        axes.set_ylim(lowest - 0.3 * room, first + 1.2 * room)
        axes.set_title(title)
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        figure.legend(loc="outside lower center", ncols=3)
        return svg_text(figure, ENGLISH)  # as the command that shows it
