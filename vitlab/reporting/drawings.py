"""The drawings that the reports of runs, of collections and of comparisons share."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vitlab.language import Language, Message
from vitlab.reporting.drawing import (
    COLOURS,
    FONT,
    INK,
    RED,
    Drawing,
    clipped,
    scale,
    text_width,
    ticks,
    widened,
)

WIDTH = 380  # pixels: a phone shows it whole, a desk two or more beside each other
ROW = 34
PART_COLOURS = {"train": COLOURS[0], "val": COLOURS[1], "test": COLOURS[2]}
LEARNING = ("train", "val")  # the parts that an epoch has figures of


def scores_chart(
    rows: Sequence[tuple[str, Mapping[str, float]]], metric: str, title: str, language: Language
) -> str:
    """The accuracy (in percent) or loss of each model on each part, as dots on one axis (S0-19)."""
    drawing = Drawing(WIDTH, 66 + ROW * len(rows), title, language)
    factor = 100 if metric == "accuracy" else 1
    low, high = _axis([factor * scores[part] for _, scores in rows for part in PART_COLOURS], metric)
    across = scale(low, high, 12, WIDTH - 12)
    bottom = 30 + ROW * len(rows)
    for tick in ticks(low, high):
        drawing.line(across(tick), 28, across(tick), bottom)
        drawing.write(across(tick), bottom + 15, language.number(tick, ".9g"), anchor="middle")
    _legend(drawing, [(language(part), colour) for part, colour in PART_COLOURS.items()])
    for index, (name, scores) in enumerate(rows):
        y = 30 + ROW * index
        drawing.write(12, y + 11, clipped(language.text(name), WIDTH - 24), clear=True)
        places = [across(factor * scores[part]) for part in PART_COLOURS]
        drawing.line(min(places), y + 22, max(places), y + 22, f'stroke="{INK}" stroke-opacity=".4"')
        for place, colour in zip(places, PART_COLOURS.values(), strict=True):
            drawing.dot(place, y + 22, colour)
    drawing.write(WIDTH / 2, bottom + 31, drawing.title, anchor="middle")
    return drawing.text()


def with_finite_figures(log: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The epochs that curves can show: those whose loss became no number are left out."""
    return [
        line
        for line in log
        if all(
            math.isfinite(line.get(part, {}).get(metric, math.nan))
            for part in LEARNING
            for metric in ("accuracy", "loss")
        )
    ]


def curves_chart(
    log: Sequence[Mapping[str, Any]],
    best: Mapping[str, int | None],
    metric: str,
    title: str,
    language: Language,
) -> str:
    """Train and val by epoch; a red line where a later phase begins, a ring where the weights were
    kept (S0-22). All figures of the `log` are finite."""
    height = 270
    drawing = Drawing(WIDTH, height, title, language)
    factor, unit = (100, "%") if metric == "accuracy" else (1, "")
    values = [factor * line[part][metric] for line in log for part in LEARNING]
    (low, high), epochs = _axis(values, metric), [line["epoch_of_run"] for line in log]
    first, last = epochs[0] - 0.5, epochs[-1] + 0.5
    across, up = scale(first, last, 46, WIDTH - 10), scale(low, high, height - 40, 42)
    for tick in ticks(low, high):
        drawing.line(46, up(tick), WIDTH - 10, up(tick))
        drawing.write(42, up(tick) + 4, language.as_written(f"{tick:g}{unit}"), anchor="end")
    for tick in ticks(epochs[0], epochs[-1]):
        if tick == round(tick):
            drawing.write(across(tick), height - 25, language.number(tick, "g"), anchor="middle")
    drawing.write(WIDTH / 2, height - 8, language("epoch"), anchor="middle")
    _legend(drawing, [(_of_part(part, metric, language), PART_COLOURS[part]) for part in LEARNING])
    for part in LEARNING:
        points = [(across(line["epoch_of_run"]), up(factor * line[part][metric])) for line in log]
        drawing.path(points, PART_COLOURS[part])
        if len(points) < 30:
            for point in points:
                drawing.dot(*point, PART_COLOURS[part], radius=2)
    before = log[0]["phase"]
    for line in log:
        if line["phase"] != before:
            before = line["phase"]
            _mark_beginning(drawing, across(line["epoch_of_run"] - 0.5), before)
        if line["epoch"] == best.get(line["phase"]):
            place = across(line["epoch_of_run"]), up(factor * line["val"][metric])
            drawing.dot(*place, INK, hollow=True, radius=6)
    return drawing.text()


def class_counts_chart(
    counts: Mapping[Message, Mapping[str, int]], title: str, language: Language
) -> str:
    """Images per class and part, stacked, with their sum; `counts` are by part, or by another title."""
    names = list(next(iter(counts.values())))
    totals = {name: sum(of_part[name] for of_part in counts.values()) for name in names}
    row, left, room = 18, 126.0, text_width(language.number(max(totals.values()))) + 8
    drawing = Drawing(WIDTH, 30 + row * len(names) + 6, title, language)
    across = scale(0, max(totals.values()), left, WIDTH - room)
    _legend(
        drawing, [(language.text(part), colour) for part, colour in zip(counts, COLOURS, strict=False)]
    )
    for index, name in enumerate(names):
        y, done = 30 + row * index, 0
        drawing.write(left - 6, y + 12, clipped(name, left - 12), anchor="end")
        for of_part, colour in zip(counts.values(), COLOURS, strict=False):
            begins, done = across(done), done + of_part[name]
            drawing.box(begins, y + 2, across(done) - begins, row - 4, f'fill="{colour}"')
        drawing.write(across(done) + 4, y + 12, language.number(done))
    return drawing.text()


def reliability_chart(bins: Sequence[Mapping[str, float]], title: str, language: Language) -> str:
    """How often answers of each confidence are right; the line is where the two are equal. Below, how
    many images have answers of that confidence: a bar above few of them says little."""
    side, left, counted = 190, 56, 34
    drawing = Drawing(left + side + 20, side + 76 + counted, title, language)
    across, up = scale(0, 1, left, left + side), scale(0, 1, 22 + side, 22)
    drawing.write(left, 14, clipped(drawing.title, side + 18))
    for tick in (0, 0.5, 1):
        drawing.line(across(0), up(tick), across(1), up(tick))
        drawing.write(left - 6, up(tick) + 4, language.number(tick, "g"), anchor="end")
        drawing.write(across(tick), side + 37, language.number(tick, "g"), anchor="middle")
    for row in bins:
        begins, ends = across(row["low"]), across(row["high"])
        style = f'fill="{COLOURS[4]}" fill-opacity=".75"'
        height = up(0) - up(row["accuracy"])
        drawing.box(begins + 0.5, up(row["accuracy"]), ends - begins - 1, height, style)
    _bin_counts(drawing, bins, across, side + 66 + counted, counted)
    drawing.line(across(0), up(0), across(1), up(1), f'stroke="{RED}" stroke-width="1.2"')
    drawing.write(left + side / 2, side + 54, language("confidence"), anchor="middle")
    share = language("share of right answers")
    drawing.write(16, 22 + side / 2, share, anchor="middle", turned=True)
    return drawing.text()


def _bin_counts(
    drawing: Drawing,
    bins: Sequence[Mapping[str, float]],
    across: Callable[[float], float],
    bottom: float,
    height: float,
) -> None:
    """Bars whose height is the number of images; any image at all can be seen."""
    most = max((row["n"] for row in bins), default=0)
    up = scale(0, max(most, 1), bottom, bottom - height)
    drawing.write(across(0) - 6, up(most) + 8, drawing.language.number(most), anchor="end")
    drawing.write(across(0) - 6, bottom, drawing.language("images"), anchor="end")
    drawing.line(across(0), bottom, across(1), bottom)
    for row in bins:
        if row["n"]:
            tall, begins = max(bottom - up(row["n"]), 1.0), across(row["low"])
            width = across(row["high"]) - begins
            drawing.box(begins + 0.5, bottom - tall, width - 1, tall, f'fill="{COLOURS[4]}"')


def _axis(values: Sequence[float], metric: str) -> tuple[float, float]:
    """No accuracy is beyond 100 %, and no figure here below 0."""
    low, high = widened(values)
    return max(low, 0.0), min(high, 100.0) if metric == "accuracy" else high


def _mark_beginning(drawing: Drawing, x: float, phase: str) -> None:
    """Of a phase: a line, and its name where it has room."""
    drawing.line(x, 38, x, drawing.height - 40, f'stroke="{RED}" stroke-width="1.5" class="begins"')
    size = FONT - 1
    text = clipped(drawing.language("{phase} begins", phase=phase), WIDTH / 2, size)
    drawing.write(
        min(x + 3, WIDTH - text_width(text, size)), 38, text, colour=f"var(--wrong, {RED})", size=size
    )


def _of_part(part: str, metric: str, language: Language) -> str:
    return language("{part} {figure}", part=language(part), figure=language(metric))


def _legend(drawing: Drawing, entries: Sequence[tuple[str, str]]) -> None:
    x = 14.0
    for name, colour in entries:
        drawing.dot(x, 14, colour)
        drawing.write(x + 9, 18, name)
        x += 30 + text_width(name)
