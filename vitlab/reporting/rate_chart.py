"""The loss by learning rate, of a range test."""

import numpy as np

from vitlab.language import ENGLISH
from vitlab.reporting.drawing import COLOURS, RED, Drawing, log_ticks, scale, text_width, ticks
from vitlab.training import RangeTest

WIDTH, HEIGHT = 620, 370
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 48, 46  # pixels around the curves


def rate_chart(test: RangeTest, title: str) -> str:
    """Each batch's loss, the smoothed one, and the rate that it suggests, if any.

    What rises far above the start runs along the upper edge: it would press all the rest flat.
    """
    first, lowest = test.smoothed[0], min(test.smoothed)
    room = max(first - lowest, 0.1 * abs(first))
    low, high = lowest - 0.3 * room, first + 1.2 * room
    drawing = Drawing(WIDTH, HEIGHT, title, ENGLISH)  # as the command that shows it
    across = scale(test.rates[0], test.rates[-1], LEFT, WIDTH - RIGHT, doublings=True)
    up = scale(low, high, HEIGHT - BOTTOM, TOP)
    for tick in ticks(low, high):
        drawing.line(LEFT, up(tick), WIDTH - RIGHT, up(tick))
        drawing.write(LEFT - 5, up(tick) + 4, f"{tick:g}", anchor="end")
    for tick in log_ticks(test.rates[0], test.rates[-1]):
        drawing.line(across(tick), TOP, across(tick), HEIGHT - BOTTOM)
        drawing.write(across(tick), HEIGHT - BOTTOM + 15, f"{tick:g}", anchor="middle")
    drawing.write(LEFT, 16, title, size=12)
    drawing.write((LEFT + WIDTH) / 2, HEIGHT - 10, "learning rate", anchor="middle")
    drawing.write(14, (TOP + HEIGHT - BOTTOM) / 2, "loss", anchor="middle", turned=True)
    entries = [("batch", COLOURS[4]), ("smoothed", COLOURS[0])]
    for losses, (_, colour) in zip((test.losses, test.smoothed), entries, strict=True):
        inside = np.clip(losses, low, high).tolist()
        drawing.path([(across(x), up(y)) for x, y in zip(test.rates, inside, strict=True)], colour)
    if test.suggestion is not None:
        entries.append((f"suggested: {test.suggestion:.2g}", RED))
        x = across(test.suggestion)
        drawing.line(x, TOP, x, HEIGHT - BOTTOM, f'stroke="{RED}" stroke-width="1.5"')
    x = LEFT + 6.0
    for name, colour in entries:
        drawing.dot(x, 34, colour)
        drawing.write(x + 9, 38, name)
        x += 30 + text_width(name)
    return drawing.text()
