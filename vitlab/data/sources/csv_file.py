"""A CSV file as columns of text, whatever program wrote it."""

import codecs
import csv
import io
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitlab.data.splits import LONGEST_CELL
from vitlab.errors import InputError
from vitlab.names import unknown

LARGEST_FILE = 1_000_000_000  # bytes: a kilobyte for each of a million images
DELIMITERS = ",;\t|"
FIRST_ROWS = 20  # that tell which of them it is
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # with which a program begins a file in UTF-16


@dataclass(frozen=True)
class CSVFile:
    """The cells of each column, and the line on which each row begins."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def column(self, name: str, setting: str) -> list[str]:
        """Raises InputError, which names `setting`, if there is none of this name."""
        if name not in self.columns:
            raise InputError(unknown(f"column of {self.path}", name, self.columns, setting))
        return self.columns[name]


def read_csv(path: Path, encoding: str) -> CSVFile:
    """The first row names the columns; what separates them is what cuts the first rows alike.

    Raises:
        InputError: it cannot be read, is in another encoding, or a row has more or fewer cells than
            the first.
    """
    text = _read_text(path, encoding)
    csv.field_size_limit(LONGEST_CELL)
    reader = _reader(text, max(DELIMITERS, key=lambda delimiter: _suits(text, delimiter)))
    lines, rows, names = [], [], None
    begin = 1
    try:
        for row in reader:
            if row and names is None:
                names = row
            elif row and len(row) != len(names or ()):
                raise InputError(
                    f"{path}, line {begin}: {len(row)} cells, but {len(names or ())} columns; "
                    "a cell with a separator or a line break in it must stand in quotes"
                )
            elif row:
                lines.append(begin)
                rows.append(row)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}, line {begin}: {error}; a cell that begins with a quotation mark must end with one"
        ) from error
    if not rows or names is None:
        raise InputError(f"{path} has no rows; its first line names the columns, one row for each image")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"{path} has the column {min(twice)!r} twice; rename one")
    cells = [list(column) for column in zip(*rows, strict=True)]
    return CSVFile(path, dict(zip(names, cells, strict=True)), lines)


def _reader(text: str, delimiter: str) -> Any:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _suits(text: str, delimiter: str) -> tuple[bool, int]:
    """Whether the first rows have as many cells as the header, and several; and how many it has."""
    widths = []
    try:
        for row in itertools.islice(_reader(text, delimiter), FIRST_ROWS):
            widths += [len(row)] if row else []
    except csv.Error:
        return False, max(widths[:1], default=0)
    return len(set(widths)) == 1 and widths[0] > 1, max(widths[:1], default=0)


def _read_text(path: Path, encoding: str) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise InputError(f"{path} has {size} bytes; a table has at most {LARGEST_FILE}")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror} (dataset.path)") from error
    try:
        # Excel begins a file in UTF-8 with a mark.
        text = content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError as error:
        raise InputError(f"unknown encoding {encoding!r} (dataset.encoding)") from error
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        line = content.count(b"\n", 0, place) + 1
        likely = "utf-16" if content.startswith(MARKS) else "latin-1"
        raise InputError(
            f"{path}, line {line}: byte {content[place]:#04x} is no {encoding}; save the file in UTF-8, "
            f"or name its encoding, such as --config.dataset.encoding={likely}"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(
            f"{path}, line {line}: a character of zero; it is no table, or in another encoding, such as "
            "--config.dataset.encoding=utf-16"
        )
    return text
