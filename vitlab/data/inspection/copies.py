"""Which images are one picture: the same file, the same pixels, or nearly the same."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vitlab.data.grouping import groups_of
from vitlab.data.inspection.examined import Examined
from vitlab.data.inspection.flaws import BLANK
from vitlab.data.inspection.near import Pair, near_pairs
from vitlab.language import Message

SAME_FILE, SAME_PIXELS = Message("same file"), Message("same pixels")
NEAR = Message("nearly the same")
SMALLEST = 24  # pixels of the shorter side: smaller ones, such as digits, are alike without being copies

Check = Callable[[Sequence[Pair]], list[Pair]]


@dataclass(frozen=True)
class Copies:
    """Rows that show one picture, the classes and the parts that they are in.

    `likeness` and `similarity` are the least among the pairs that put them together. Not every two were
    compared: those that hung together through others already may be less alike.
    """

    kind: str
    rows: tuple[int, ...]
    classes: tuple[str, ...]
    parts: tuple[str, ...]
    likeness: float = 1.0
    similarity: float | None = None


def find_copies(examined: Examined, parts: Sequence[str], check: Check | None) -> list[Copies]:
    """All groups, the exact ones first; `check` passes on the near pairs that a network agrees to."""
    by_pixels: dict[str, list[int]] = defaultdict(list)
    for row, seen in enumerate(examined.seen):
        by_pixels[seen.pixels].append(row)
    found = [
        _copies(examined, parts, rows, _exact_kind(examined, rows))
        for rows in by_pixels.values()
        if len(rows) > 1
    ]
    pairs = _near(examined, [rows[0] for rows in by_pixels.values()])
    # The pairs are no more than tie a group together, the nearest ones first. Where the network rejects
    # one, no other that was skipped takes its place: a group of three or more may come apart that would
    # have held if all its pairs had been asked about. Never does it grow; and of two copies nothing
    # changes. To make good for it would be to ask again about ever less similar pairs.
    if check and pairs:
        pairs = check(pairs)
    for rows in groups_of(len(examined.seen), [(pair.first, pair.second) for pair in pairs]):
        if len(rows) == 1:
            continue
        together = set(rows)
        own = [pair for pair in pairs if pair.first in together]
        everyone = sorted(row for one in rows for row in by_pixels[examined.seen[one].pixels])
        found.append(
            _copies(
                examined,
                parts,
                everyone,
                NEAR,
                min(pair.likeness for pair in own),
                min((pair.similarity for pair in own if pair.similarity is not None), default=None),
            )
        )
    return sorted(found, key=lambda copies: (copies.kind == NEAR, -copies.likeness))


def _near(examined: Examined, rows: Sequence[int]) -> list[Pair]:
    """Among pictures that differ, leaving out those that show too little to be compared."""
    seen = examined.seen
    rows = [
        row
        for row in rows
        if min(seen[row].width, seen[row].height) >= SMALLEST and seen[row].measures.spread > BLANK
    ]
    if not rows:
        return []
    prints = np.array([seen[row].measures.print for row in rows], np.uint64)
    looks = np.stack([seen[row].measures.look for row in rows])
    tints = np.stack([seen[row].measures.tint for row in rows])
    return [
        Pair(rows[pair.first], rows[pair.second], pair.likeness)
        for pair in near_pairs(prints, looks, tints)
    ]


def _exact_kind(examined: Examined, rows: Sequence[int]) -> str:
    return SAME_FILE if len({examined.table.ids[row] for row in rows}) == 1 else SAME_PIXELS


def _copies(
    examined: Examined,
    parts: Sequence[str],
    rows: Sequence[int],
    kind: str,
    likeness: float = 1.0,
    similarity: float | None = None,
) -> Copies:
    names = examined.table.class_names
    classes = {names[examined.table.labels[row]] for row in rows}
    return Copies(
        kind,
        tuple(rows),
        tuple(sorted(classes)),
        tuple(sorted({parts[row] for row in rows if parts[row]})),
        likeness,
        similarity,
    )
