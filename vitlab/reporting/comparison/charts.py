"""The drawings of a comparison: intervals, curves, matrices, calibration, cost against accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.language import Language
from vitlab.reporting.drawing import FAINT, INK, Drawing, clipped, scale, ticks, widened
from vitlab.reporting.plot import COLOURS, RED

WIDTH = 380  # pixels: a phone shows it whole, a desk two or more beside each other
ROW = 34
PART_COLOURS = {"train": COLOURS[0], "val": COLOURS[1], "test": COLOURS[2]}
SHORTEST = 2  # letters of names that have room beside each other
MOST_CLASSES = 30  # of a matrix in which names and numbers can be read


def intervals_chart(
    rows: Sequence[tuple[str, float, Sequence[float] | None]],
    title: str,
    language: Language,
    *,
    zero: bool = False,
) -> str:
    """A dot and its interval for each row, in percent; `zero`: a line where there is no difference."""
    drawing = Drawing(WIDTH, 44 + ROW * len(rows), title, language)
    ends = [end for _, value, interval in rows for end in (value, *(interval or ()))]
    low, high = widened([100 * end for end in ends] + ([0.0] if zero else []))
    if not zero:
        high = min(high, 100.0) if high > 100 else high
    across = scale(low, high, 12, WIDTH - 12)
    bottom = 10 + ROW * len(rows)
    for tick in ticks(low, high):
        drawing.line(across(tick), 8, across(tick), bottom)
        drawing.write(across(tick), bottom + 15, language.number(tick, "g"), anchor="middle")
    if zero:
        drawing.line(across(0), 8, across(0), bottom, f'stroke="{RED}" stroke-width="1.2"')
    for index, (name, value, interval) in enumerate(rows):
        y = 10 + ROW * index
        drawing.write(12, y + 11, clipped(language.text(name), WIDTH - 24), clear=True)
        if interval is not None:
            left, right = (across(100 * end) for end in interval)
            drawing.line(left, y + 22, right, y + 22, f'stroke="{INK}" stroke-width="1.6"')
        drawing.dot(across(100 * value), y + 22, COLOURS[0])
    drawing.write(WIDTH / 2, bottom + 31, drawing.title, anchor="middle")
    return drawing.text()


def parts_chart(rows: Sequence[Mapping[str, Any]], metric: str, title: str, language: Language) -> str:
    """The accuracy or loss of each model on each part, as dots on one axis (S0-19)."""
    drawing = Drawing(WIDTH, 66 + ROW * len(rows), title, language)
    factor = 100 if metric == "accuracy" else 1
    values = [factor * row[f"{part}_{metric}"] for row in rows for part in PART_COLOURS]
    low, high = widened(values)
    across = scale(low, high, 12, WIDTH - 12)
    bottom = 30 + ROW * len(rows)
    for tick in ticks(low, high):
        drawing.line(across(tick), 28, across(tick), bottom)
        drawing.write(across(tick), bottom + 15, language.number(tick, "g"), anchor="middle")
    _legend(drawing, [(language(part), colour) for part, colour in PART_COLOURS.items()])
    for index, row in enumerate(rows):
        y = 30 + ROW * index
        label = clipped(f"{row['number']}  {language.text(row['model'])}", WIDTH - 24)
        drawing.write(12, y + 11, label, clear=True)
        places = [across(factor * row[f"{part}_{metric}"]) for part in PART_COLOURS]
        drawing.line(min(places), y + 22, max(places), y + 22, f'stroke="{INK}" stroke-opacity=".4"')
        for place, colour in zip(places, PART_COLOURS.values(), strict=True):
            drawing.dot(place, y + 22, colour)
    drawing.write(WIDTH / 2, bottom + 31, drawing.title, anchor="middle")
    return drawing.text()


def curves_chart(
    log: Sequence[Mapping[str, Any]],
    best: Mapping[str, int | None],
    metric: str,
    title: str,
    language: Language,
) -> str:
    """Train and val by epoch; a red line where a later phase begins, a ring where the weights were
    kept (S0-22)."""
    height = 270
    drawing = Drawing(WIDTH, height, title, language)
    values = [line[part][metric] for line in log for part in ("train", "val")]
    (low, high), epochs = widened(values), [line["epoch_of_run"] for line in log]
    first, last = epochs[0] - 0.5, epochs[-1] + 0.5
    across, up = scale(first, last, 46, WIDTH - 10), scale(low, high, height - 40, 42)
    for tick in ticks(low, high):
        drawing.line(46, up(tick), WIDTH - 10, up(tick))
        drawing.write(42, up(tick) + 4, language.number(tick, "g"), anchor="end")
    for tick in ticks(epochs[0], epochs[-1]):
        if tick == round(tick):
            drawing.write(across(tick), height - 25, language.number(tick, "g"), anchor="middle")
    drawing.write(WIDTH / 2, height - 8, language("epoch"), anchor="middle")
    _legend(
        drawing, [(_of_part(part, metric, language), PART_COLOURS[part]) for part in ("train", "val")]
    )
    for part in ("train", "val"):
        points = [(across(line["epoch_of_run"]), up(line[part][metric])) for line in log]
        drawing.path(points, PART_COLOURS[part])
        if len(points) < 30:
            for point in points:
                drawing.dot(*point, PART_COLOURS[part], radius=2)
    before = log[0]["phase"]
    for line in log:
        if line["phase"] != before:
            before, x = line["phase"], across(line["epoch_of_run"] - 0.5)
            drawing.line(x, 38, x, height - 40, f'stroke="{RED}" stroke-width="1.5" class="begins"')
            drawing.write(
                min(x + 3, WIDTH - 60), 38, language("{phase} begins", phase=before), colour=RED, size=10
            )
        if line["epoch"] == best.get(line["phase"]):
            drawing.dot(
                across(line["epoch_of_run"]), up(line["val"][metric]), INK, hollow=True, radius=6
            )
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
    """Accuracy against a cost, each model by its number; `front` joins those that no other beats."""
    height = 300
    drawing = Drawing(WIDTH, height, title, language)
    xs, ys = [row[key] for row in rows], [100 * row["accuracy"] for row in rows]
    left, right = min(xs) / 1.25, max(xs) * 1.25
    low, high = widened(ys, 0.12)
    across = scale(left, right, 46, WIDTH - 14, doublings=True)
    up = scale(low, high, height - 44, 16)
    for tick in ticks(low, high):
        drawing.line(46, up(tick), WIDTH - 14, up(tick))
        drawing.write(42, up(tick) + 4, language.number(tick, "g"), anchor="end")
    for tick in np.geomspace(left, right, 5).tolist():
        drawing.write(across(tick), height - 28, language.number(tick, ".2g"), anchor="middle")
    drawing.write(
        WIDTH / 2, height - 9, language("{axis}; upwards: test accuracy, %", axis=axis), anchor="middle"
    )
    if front:
        best = sorted((row[key], 100 * row["accuracy"]) for row in rows if row["on_front"])
        drawing.path([(across(x), up(y)) for x, y in best], COLOURS[2], "4 3")
    for x, y, row in zip(xs, ys, rows, strict=True):
        drawing.dot(across(x), up(y), COLOURS[2] if row.get("on_front") else COLOURS[0])
        drawing.write(across(x) + 6, up(y) - 5, str(row["number"]))
    return drawing.text()


def matrix_chart(
    counts: np.ndarray, class_names: Sequence[str], chosen: Sequence[int], title: str, language: Language
) -> str:
    """Counts coloured by their share of the true class, of the chosen classes (S0-23)."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = max(17.0, min(34.0, 280 / len(chosen)))
    letters = max(len(clipped(class_names[label], 104)) for label in chosen)
    edge = min(112.0, 10 + 6.2 * letters)
    side = cell * len(chosen)
    width = max(edge + side + 14, 7.0 * min(len(language.text(title)), 48) + 20)
    drawing = Drawing(width, edge + side + 40, title, language)
    drawing.write(edge, 16, clipped(drawing.title, width - edge), size=12)
    top = 28.0
    for row, label in enumerate(chosen):
        y = top + cell * row
        drawing.write(edge - 5, y + cell / 2 + 4, clipped(class_names[label], 104), anchor="end")
        for column, answer in enumerate(chosen):
            x, share = edge + cell * column, float(shares[label, answer])
            paint = f'fill="{COLOURS[0]}" fill-opacity="{share:.3f}" {FAINT}'
            drawing.box(x, y, cell, cell, paint)
            if counts[label, answer]:
                colour = "white" if share > 0.55 else INK
                size = min(11.0, cell / (0.62 * len(str(counts[label, answer])) + 0.4))
                drawing.write(
                    x + cell / 2,
                    y + cell / 2 + size * 0.36,
                    str(counts[label, answer]),
                    anchor="middle",
                    size=round(size, 1),
                    colour=colour,
                )
    is_narrow = max(len(class_names[answer]) for answer in chosen) <= SHORTEST
    for column, answer in enumerate(chosen):
        x = edge + cell * column + cell / 2
        if is_narrow:
            drawing.write(x, top + side + 14, class_names[answer], anchor="middle")
        else:
            text = clipped(class_names[answer], edge - 8)
            drawing.write(x + 4, top + side + 5, text, anchor="end", turned=True)
    return drawing.text()


def most_confused(matrices: Sequence[np.ndarray]) -> list[int]:
    """All classes, or of many those that take part in most mistakes of all the models."""
    total = np.sum(matrices, axis=0)
    classes = len(total)
    if classes <= MOST_CLASSES:
        return list(range(classes))
    np.fill_diagonal(total, 0)
    mistakes = total.sum(axis=0) + total.sum(axis=1)
    return sorted(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES].tolist())


def reliability_chart(bins: Sequence[Mapping[str, float]], title: str, language: Language) -> str:
    """How often answers of each confidence are right; the line is where the two are equal."""
    side = 190
    drawing = Drawing(side + 60, side + 62, title, language)
    across, up = scale(0, 1, 40, 40 + side), scale(0, 1, 22 + side, 22)
    drawing.write(40, 14, clipped(drawing.title, side + 18))
    for tick in (0, 0.5, 1):
        drawing.line(across(0), up(tick), across(1), up(tick))
        drawing.write(34, up(tick) + 4, language.number(tick, "g"), anchor="end")
        drawing.write(across(tick), side + 37, language.number(tick, "g"), anchor="middle")
    for row in bins:
        left, right = across(row["low"]), across(row["high"])
        style = f'fill="{COLOURS[4]}" fill-opacity=".75"'
        drawing.box(
            left + 0.5, up(row["accuracy"]), right - left - 1, up(0) - up(row["accuracy"]), style
        )
    drawing.line(across(0), up(0), across(1), up(1), f'stroke="{RED}" stroke-width="1.2"')
    drawing.write(
        40 + side / 2,
        side + 54,
        language("confidence; upwards: share of right answers"),
        anchor="middle",
    )
    return drawing.text()


def _of_part(part: str, metric: str, language: Language) -> str:
    return language("{part} {figure}", part=language(part), figure=language(metric))


def _legend(drawing: Drawing, entries: Sequence[tuple[str, str]]) -> None:
    x = 14.0
    for name, colour in entries:
        drawing.dot(x, 14, colour)
        drawing.write(x + 9, 18, name)
        x += 30 + 6.2 * len(name)
