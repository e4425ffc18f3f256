"""Some classes of a source, or so many images of each (S1-01)."""

from collections.abc import Sequence

import numpy as np

from vitlab.data.decode import Decoded
from vitlab.data.sources.source import Source
from vitlab.data.table import Table
from vitlab.errors import InputError
from vitlab.names import unknown


class Chosen:
    """The images of `source` that a config chooses.

    Of a class with more than `per_class` pictures (0: no limit), those with the smallest ids stay: as
    good as drawn at random, the same in every run, and nearly the same when images come or go. Copies of
    a picture count as one.
    """

    def __init__(self, source: Source, classes: Sequence[str], per_class: int):
        self.source = source
        self.remarks = source.remarks
        whole = source.table
        twice = [name for name in classes if classes.count(name) > 1]
        if twice:
            raise InputError(f"dataset.classes names {twice[0]!r} twice")
        for name in classes:
            if name not in whole.class_names:
                raise InputError(unknown("class", name, whole.class_names, "dataset.classes"))
        kept = []
        for name in classes or whole.class_names:
            rows = np.flatnonzero(whole.labels == whole.class_names.index(name)).tolist()
            ids = set(sorted({whole.ids[row] for row in rows})[: per_class or None])
            kept += [row for row in rows if whole.ids[row] in ids]
        self.rows = sorted(kept)
        names = {name: index for index, name in enumerate(sorted(classes or whole.class_names))}
        chosen = whole.select(self.rows)
        labels = [names[whole.class_names[label]] for label in chosen.labels]
        self.table = Table(
            chosen.ids, chosen.paths, np.array(labels, np.int32), tuple(names), chosen.columns
        )

    def read(self, row: int, enough: int = 0) -> Decoded:
        return self.source.read(self.rows[row], enough)

    def changed(self, rows: Sequence[int]) -> list[int]:
        inner = set(self.source.changed([self.rows[row] for row in rows]))
        return [row for row in rows if self.rows[row] in inner]

    def content(self, row: int) -> bytes:
        return self.source.content(self.rows[row])
