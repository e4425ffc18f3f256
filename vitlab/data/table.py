"""A collection of labelled images as a table: which image, where, of which class."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

PARTS = ("train", "val", "test")

# What people call them, in folders and tables.
PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}

# Columns with a meaning to vitlab: the part that the source gives an image; whom it stays together
# with; the hard group that it belongs to (S2-03); what is said of it (S4-01); PRIVATE where it may not
# be shown to others (S0-02). The rest is passed on.
PART, GROUP, HARD, DESCRIPTION, REPUBLISH = "part", "group", "hard", "description", "republish"
PRIVATE = "no"


@dataclass(frozen=True)
class Table:
    """One row per image.

    Attributes:
        ids: SHA-256 of the image's bytes: the same picture under two names has one id.
        paths: within the source, with "/".
        labels: int32, indices of `class_names`.
        columns: what else the source says of each image, "" where it says nothing.
    """

    ids: tuple[str, ...]
    paths: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> tuple[str, ...]:
        """Empty strings where the source has no such column."""
        return self.columns.get(name) or ("",) * len(self)

    def first_rows(self, rows: Iterable[int] | None = None) -> dict[str, int]:
        """The first row of each picture, of all rows or of those given: a file may stand there twice."""
        first: dict[str, int] = {}
        for row in range(len(self)) if rows is None else rows:
            first.setdefault(self.ids[row], int(row))
        return first

    def select(self, rows: Sequence[int] | np.ndarray) -> "Table":
        return Table(
            tuple(self.ids[row] for row in rows),
            tuple(self.paths[row] for row in rows),
            self.labels[np.asarray(rows, int)],
            self.class_names,
            {name: tuple(column[row] for row in rows) for name, column in self.columns.items()},
        )

    def class_counts(self) -> dict[str, int]:
        counts = Counter(self.labels.tolist())
        return {name: counts[index] for index, name in enumerate(self.class_names)}
