"""A confusion matrix as a drawing (S0-23, S2-19)."""

from collections.abc import Iterator, Sequence

import numpy as np

from vitlab.language import Language, Message
from vitlab.names import shown
from vitlab.reporting.drawing import COLOURS, FAINT, INK, Drawing, clipped, shortened, text_width

ANSWER = Message("answer")
OTHERS = Message("others")
LABEL = 104  # pixels of a class beside the matrix, if that tells the names apart
SHORTEST = 2  # letters of names that have room beside each other
MOST_CLASSES = 30  # of a matrix in which names and numbers can be read
LEAST_CELL = 17.0  # pixels, in which a number of two digits can be read


def matrix_chart(
    counts: np.ndarray,
    class_names: Sequence[str],
    title: str,
    language: Language,
    *,
    chosen: Sequence[int],
    columns: str = ANSWER,
) -> str:
    """Counts of the `chosen` classes, coloured by their share of all the images of a class.

    Rows are the truth; `columns` says what the columns are. All that are not chosen share a row and a
    column, in which their own images and answers to them do not meet.
    """
    names = [class_names[label] for label in chosen]
    if len(chosen) < len(counts):
        names.append(language.text(OTHERS))
        counts = _with_others(counts, chosen)
    else:
        counts = counts[np.ix_(chosen, chosen)]
    cell = max(LEAST_CELL, min(34.0, 280 / len(names)))
    names = _labels(names)
    is_narrow = max(map(len, names)) <= SHORTEST
    longest = max(text_width(name) for name in names)
    left, top, side = 24 + longest, 28.0, cell * len(names)
    below = top + side + (14 if is_narrow else longest + 5) + 16
    heading = min(text_width(language.text(title), 12), 340)
    width = left + max(side, heading, text_width(language.text(columns))) + 14
    drawing = Drawing(width, below + 8, title, language)
    drawing.write(left, 16, clipped(drawing.title, width - left, 12), size=12)
    for number in range(len(names) + 1):
        drawing.line(left, top + cell * number, left + side, top + cell * number)
        drawing.line(left + cell * number, top, left + cell * number, top + side)
    for row, column, count, share in _filled(counts):
        _fill(drawing, left + cell * column, top + cell * row, cell, count, share)
    for number, name in enumerate(names):
        middle = cell * number + cell / 2
        drawing.write(left - 5, top + middle + 4, name, anchor="end")
        if is_narrow:
            drawing.write(left + middle, top + side + 14, name, anchor="middle")
        else:
            drawing.write(left + middle + 4, top + side + 5, name, anchor="end", turned=True)
    drawing.write(12, top + min(side, 560) / 2, Message("truth"), anchor="middle", turned=True)
    drawing.write(left, below, columns)
    return drawing.text()


def _labels(names: Sequence[str]) -> list[str]:
    """Shortened, but as long as it takes to tell apart those that differ."""
    width = LABEL
    while True:
        labels = [shortened(name, width) for name in names]
        if len(set(labels)) == len(set(names)) or width > max(map(text_width, map(shown, names))):
            return labels
        width += LABEL // 4


def most_confused(matrices: Sequence[np.ndarray]) -> list[int]:
    """All classes, or of many those that take part in most mistakes of all the models."""
    total = np.sum(matrices, axis=0)
    classes = len(total)
    if classes <= MOST_CLASSES:
        return list(range(classes))
    np.fill_diagonal(total, 0)
    mistakes = total.sum(axis=0) + total.sum(axis=1)
    return sorted(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES].tolist())


def _with_others(counts: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    """The cells of the chosen classes, and what these have in common with all others."""
    others = np.delete(counts, chosen, axis=1).sum(axis=1)[chosen]
    of_others = np.delete(counts, chosen, axis=0).sum(axis=0)[chosen]
    return np.block([[counts[np.ix_(chosen, chosen)], others[:, None]], [of_others, np.zeros(1, int)]])


def _filled(counts: np.ndarray) -> Iterator[tuple[int, int, int, float]]:
    """Row, column, count and share of its row of the cells that are not empty."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row, column in np.argwhere(counts).tolist():
        yield row, column, int(counts[row, column]), float(shares[row, column])


def _fill(drawing: Drawing, x: float, y: float, cell: float, count: int, share: float) -> None:
    drawing.box(x, y, cell, cell, f'fill="{COLOURS[0]}" fill-opacity="{share:.3f}" {FAINT}')
    size = min(11.0, cell / (0.62 * len(str(count)) + 0.4))
    drawing.write(
        x + cell / 2,
        y + cell / 2 + size * 0.36,
        str(count),
        anchor="middle",
        size=round(size, 1),
        colour="white" if share > 0.55 else INK,
    )
