"""A collection of labelled images as a table: which image, where, of which class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """One row per image.

    Attributes:
        ids: SHA-256 of the image's bytes: the same picture under two names has one id.
        paths: within the source, with "/".
        labels: int32, indices of `class_names`.
    """

    ids: tuple[str, ...]
    paths: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: Sequence[int] | np.ndarray) -> "Table":
        return Table(
            tuple(self.ids[row] for row in rows),
            tuple(self.paths[row] for row in rows),
            self.labels[np.asarray(rows, int)],
            self.class_names,
        )

    def class_counts(self) -> dict[str, int]:
        counts = Counter(self.labels.tolist())
        return {name: counts[index] for index, name in enumerate(self.class_names)}
