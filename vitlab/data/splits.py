"""Which image is for training, which for validation, which for the test; written down and hashed."""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitlab import files
from vitlab.data.table import Table
from vitlab.errors import InputError
from vitlab.progress import say

PARTS = ("train", "val", "test")
COLUMNS = ["id", "path", "label", "part"]


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

    def counts(self) -> dict[str, int]:
        counts = Counter(self.parts)
        return {part: counts[part] for part in PARTS}


def stratified(table: Table, fractions: Sequence[float], seed: int) -> Split:
    """Draws train, val and test so that each class has these shares in each part.

    Pictures are taken in the order of a hash of their id and the seed: whatever else is in the
    folder, and under whatever name they stand, they keep their place in line, so few of them change
    parts when others come or go. Files with the same bytes go to the same part. What a class cannot
    divide evenly goes to the part that is furthest below its share so far, so the whole has these
    shares too.

    Raises:
        InputError: a class has fewer pictures than there are parts.
    """
    pictures = _pictures_by_class(table)
    too_small = [
        f"{name} ({len(pictures[label])})"
        for label, name in enumerate(table.class_names)
        if len(pictures[label]) < len(PARTS)
    ]
    if too_small:
        raise InputError(
            f"a class needs {len(PARTS)} different images, one for each of {', '.join(PARTS)}; "
            f"too few in {', '.join(too_small)}: add images or take the folder away"
        )
    shares = np.array(fractions)
    given, due = np.zeros(len(PARTS)), np.zeros(len(PARTS))
    part_of: dict[str, str] = {}
    for label in range(len(table.class_names)):
        ids = sorted(pictures[label], key=lambda identity: _place_in_line(identity, seed))
        sizes = _sizes(len(ids), shares, due - given)
        given += sizes
        due += shares * len(ids)
        parts = np.repeat(PARTS, sizes)
        part_of.update(zip(ids, parts.tolist(), strict=True))
    return Split(table, tuple(part_of[identity] for identity in table.ids))


def _place_in_line(identity: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{identity}".encode()).hexdigest()


def _pictures_by_class(table: Table) -> dict[int, list[str]]:
    """The different ids of each class; an id under two classes counts for the first, with a word."""
    labels: dict[str, int] = {}
    conflicts = []
    for identity, label, path in zip(table.ids, table.labels.tolist(), table.paths, strict=True):
        if labels.setdefault(identity, label) != label:
            conflicts.append(path)
    if conflicts:
        say(
            f"warning: {len(conflicts)} files stand under two classes, the first is {conflicts[0]}; "
            "each stays in one part, but its label is in doubt"
        )
    pictures = defaultdict(list)
    for identity, label in sorted(labels.items()):
        pictures[label].append(identity)
    return pictures


def _sizes(count: int, shares: np.ndarray, debt: np.ndarray) -> np.ndarray:
    """`count` divided by `shares`, at least one each; the remainder goes where most is owed."""
    exact = count * shares
    sizes = np.maximum(np.floor(exact), 1).astype(int)
    while sizes.sum() < count:
        sizes[np.argmax(exact + debt - sizes)] += 1
    while sizes.sum() > count:
        above_one = np.where(sizes > 1, sizes - exact - debt, -np.inf)
        sizes[np.argmax(above_one)] -= 1
    return sizes


def write_split(split: Split, path: Path) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    table = split.table
    for row, part in enumerate(split.parts):
        label = table.class_names[table.labels[row]]
        writer.writerow([table.ids[row], table.paths[row], label, part])
    with files.replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="surrogateescape")


def read_split(path: Path) -> Split:
    """Raises InputError for a file that is no split."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InputError(f"cannot read the split {path}: {error.strerror}") from error
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or rows[0] != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise InputError(f"{path} is no split: its columns must be {','.join(COLUMNS)}")
    ids, paths, names, parts = zip(*rows[1:], strict=True) if rows[1:] else ((), (), (), ())
    foreign = sorted(set(parts) - set(PARTS))
    if foreign:
        raise InputError(f"{path} has the part {foreign[0]!r}; parts are {', '.join(PARTS)}")
    class_names = sorted(set(names))
    labels = np.array([class_names.index(name) for name in names], np.int32)
    return Split(Table(ids, paths, labels, tuple(class_names)), parts)
