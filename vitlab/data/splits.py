"""Which image is for training, which for validation, which for the test; written down and hashed."""

import csv
import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitlab import files
from vitlab.data.table import PART, PARTS, Table
from vitlab.errors import InputError

LONGEST_CELL = 1_000_000  # characters; the csv module's own limit is shorter than some descriptions
COLUMNS = ["id", "path", "label", "part"]  # then what else the source says of an image


@dataclass(frozen=True)
class Split:
    """A table and the part of each of its rows."""

    table: Table
    parts: tuple[str, ...]

    @property
    def hash(self) -> str:
        """SHA-256 over ids, labels and parts: independent of paths and of the order of rows."""
        table = self.table
        rows = sorted(
            f"{identity},{table.class_names[label]},{part}"
            for identity, label, part in zip(table.ids, table.labels, self.parts, strict=True)
        )
        return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()

    def rows(self, part: str) -> np.ndarray:
        return np.array([row for row, name in enumerate(self.parts) if name == part], int)

    def check_parts(self) -> None:
        """Raises InputError for a part without images."""
        for part, count in self.counts().items():
            if not count:
                raise InputError(f"the split has no {part} image; each of {', '.join(PARTS)} needs some")

    def counts(self) -> dict[str, int]:
        counts = Counter(self.parts)
        return {part: counts[part] for part in PARTS}


def write_split(split: Split, path: Path) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a cell may hold any letter
    table = split.table
    others = {name: column for name, column in table.columns.items() if name != PART}
    writer.writerow([*COLUMNS, *others])
    for row, part in enumerate(split.parts):
        label = table.class_names[table.labels[row]]
        cells = [column[row] for column in others.values()]
        writer.writerow([table.ids[row], table.paths[row], label, part, *cells])
    with files.replacing(path) as temporary:
        temporary.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def read_split(path: Path) -> Split:
    """Raises InputError for a file that is no split."""
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise InputError(f"cannot read the split {path}: {error.strerror}") from error
    csv.field_size_limit(LONGEST_CELL)
    try:
        names, *rows = list(csv.reader(io.StringIO(text, newline=""))) or [[]]
    except csv.Error as error:
        raise InputError(f"{path} is no split: {error}") from error
    if names[: len(COLUMNS)] != COLUMNS or any(len(row) != len(names) for row in rows):
        raise InputError(f"{path} is no split: its first columns must be {','.join(COLUMNS)}")
    if not rows:
        raise InputError(f"{path} names no images")
    columns = list(zip(*rows, strict=True))
    ids, paths, labels, parts = columns[: len(COLUMNS)]
    foreign = sorted(set(parts) - set(PARTS))
    if foreign:
        raise InputError(f"{path} has the part {foreign[0]!r}; parts are {', '.join(PARTS)}")
    others = dict(zip(names[len(COLUMNS) :], columns[len(COLUMNS) :], strict=True))
    indices = {name: index for index, name in enumerate(sorted(set(labels)))}
    numbers = np.array([indices[label] for label in labels], np.int32)
    return Split(Table(ids, paths, numbers, tuple(indices), others), parts)
