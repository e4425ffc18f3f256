"""A table once, and its forms: cells of a page, CSV for machines, LaTeX for a paper."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vitlab.evaluation import ALPHA, MOST_IMAGES, MOST_SEEDS
from vitlab.language import ENGLISH, WIDE, Language
from vitlab.names import shown
from vitlab.progress import HUGE, duration
from vitlab.reporting.page import size_text

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"

Kind = Literal[
    "text",
    "words",  # several, which may break
    "flag",
    "plain",  # a number that counts nothing
    "count",
    "images",  # that are needed, as the seeds are: no more than are of use as advice
    "seeds",
    "percent",
    "number",
    "short",
    "points",  # of percent
    "p",
    "bytes",
    "seconds",
]

_MOST = {"images": MOST_IMAGES, "seeds": MOST_SEEDS}

# A spreadsheet runs what begins with one of these.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """Values are those of `key` in each row; where there is `key`_interval, it stands below them, and
    where there is `key`_kind, the value of that row is of this kind.

    `title` is in English, and files have it so.
    """

    key: str
    title: str
    kind: Kind = "text"

    @property
    def is_text(self) -> bool:
        return self.kind in ("text", "words", "flag")


@dataclass(frozen=True)
class Cell:
    """What a page shows; `order` is what its column is sorted by."""

    text: str
    below: str
    order: str
    kind: Kind


@dataclass(frozen=True)
class Table:
    """`name` is that of its files. `most` rows stand on a page; files have all.

    Rows of the `foot` sum the others up: they stay below them however these are sorted.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    most: int = 400
    foot: Sequence[Mapping[str, Any]] = ()

    def cells(self, language: Language = ENGLISH) -> Iterator[list[Cell]]:
        for row in self.rows[: self.most]:
            yield [_cell(row, column, language) for column in self.columns]

    def foot_cells(self, language: Language = ENGLISH) -> Iterator[list[Cell]]:
        for row in self.foot:
            yield [_cell(row, column, language) for column in self.columns]

    @property
    def more(self) -> int:
        return max(0, len(self.rows) - self.most)

    @property
    def pins(self) -> list[str]:
        """The classes of the columns that stay in sight when the others are pushed sideways: what names
        the rows, and their number before it."""
        words = [column.is_text and column.key != "figure" for column in self.columns]
        name = words.index(True) if any(words) else 0
        pins = [""] * len(self.columns)
        pins[name] = "pin"
        if name and self.columns[name - 1].title == "#":
            pins[name - 1] = "pin number"
        return pins

    def csv(self) -> str:
        """Numbers as they are; of an interval, the ends in columns of their own."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        intervals = {column.key for column in self.columns if self._has_interval(column)}
        titles: list[str] = []
        for column in self.columns:
            titles.append(column.key)
            if column.key in intervals:
                titles += [f"{column.key}_low", f"{column.key}_high"]
        writer.writerow(map(_harmless, titles))
        for row in (*self.rows, *self.foot):
            cells: list[Any] = []
            for column in self.columns:
                cells.append(row[column.key])
                if column.key in intervals:
                    cells += row.get(f"{column.key}_interval") or (None, None)
            writer.writerow(["" if cell is None else _harmless(cell) for cell in cells])
        return text.getvalue()

    def latex(self) -> str:
        """A tabular for the package booktabs, which is not needed if its rules are replaced."""
        alignment = "".join("l" if column.is_text else "r" for column in self.columns)
        lines = [
            r"% \usepackage{booktabs}",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            " & ".join(_latex(column.title) for column in self.columns) + r" \\",
            r"\midrule",
        ]
        for row in (*self.rows, *self.foot):
            cells = [_cell(row, column, ENGLISH) for column in self.columns]
            texts = [f"{cell.text} ({cell.below})" if cell.below else cell.text for cell in cells]
            lines.append(" & ".join(map(_latex, texts)) + r" \\")
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])

    def _has_interval(self, column: Column) -> bool:
        return any(f"{column.key}_interval" in row for row in self.rows)


def formatted(value: Any, kind: Kind, language: Language = ENGLISH) -> str:
    """A value as people read it."""
    if value is None:
        return NOTHING
    match kind:
        case "count" | "images" | "seeds":
            return _count(value, _MOST.get(kind), language)
        case "percent":
            return language.number(value, ".2%")
        case "number":
            return _number(value, language)
        case "points":
            return language.number(100 * value, "+.2f" if value > 0 else ".2f")
        case "p":
            return _probability(value, language)
        case "short":
            return language.number(value, ".3g")
        case "bytes":
            return str(language.text(size_text(value)))
        case "seconds":
            return language.as_written(duration(value))
        case "flag":
            return language("yes") if value else language("no")
        case _:
            return str(language.text(value))


def _count(count: int, most: int | None, language: Language) -> str:
    if most is not None and count > most:
        return language("more than {count}", count=most)
    return language.number(count, ",")


def _number(value: float, language: Language) -> str:
    """Four decimals, unless nothing but zeros would be left of it, or it would fill the page."""
    is_small = value and not float(f"{value:.4f}")
    return language.number(value, ".1e" if is_small or abs(value) >= HUGE else ".4f")


def _probability(p: float, language: Language) -> str:
    """Three decimals, and more where these would cross the level of significance."""
    if p < 0.001:
        return f"< {language.number(0.001, '.3f', is_chance=True)}"
    places = 3
    while places < 16 and (round(p, places) > ALPHA) != (p > ALPHA):
        places += 1
    return language.number(p, f".{places}f", is_chance=True)


def _cell(row: Mapping[str, Any], column: Column, language: Language) -> Cell:
    value, interval = row[column.key], row.get(f"{column.key}_interval")
    kind = row.get(f"{column.key}_kind", column.kind)
    below = ""
    if interval is not None:
        low, high = (formatted(end, kind, language).removesuffix("%").rstrip() for end in interval)
        below = language("{low} to {high}", low=low, high=high)
    text = formatted(value, kind, language)
    if not column.is_text:
        text = text.replace(" ", WIDE)  # a number and its unit stay together
    return Cell(text, below, _order(value), kind)


def _order(value: Any) -> str:
    """As JavaScript reads numbers; empty where there is none."""
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value).replace("inf", "Infinity")
    return "" if value is None else str(value)


def _harmless(cell: Any) -> Any:
    """A text that no spreadsheet takes for a formula; numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    text = f"'{cell}" if cell.startswith(_FORMULA) else cell
    return shown(text)


_LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    NOTHING: "--",
    MINUS: "$-$",
    WIDE: "~",
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in shown(text))
