"""Pairs of pictures that are nearly the same: compressed again, resized, made lighter, cut a little."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import scipy

from vitlab.data.grouping import Groups
from vitlab.data.inspection.overlay import AT_ONCE, likeness
from vitlab.progress import Progress
from vitlab.threads import helpers

# Photographs of dogs, cut by 4 % on one side and 2 % on the other, differ in at most 14 bits from the
# whole; of 100,000 pairs of different ones 23 differ in at most 16. Of products before a white wall nine
# in ten are as close as that to what they were cut from, and 800 of 550,000 different pairs: those the
# second look tells apart.
MOST_BITS = 16
LEAST_LIKENESS = 0.98  # different photographs reach 0.96, different products of one kind rarely 0.98
MOST_TINT = 8.0  # of 255: by so much may the mean colours of copies differ
BLOCK = 512  # rows and columns of the table of differences that are in memory at once
ENOUGH = 2**16  # candidates: so many keep all cores busy, and with a block's more fill a few megabytes


@dataclass(frozen=True)
class Pair:
    """Two rows; `similarity` is the cosine of their embeddings, where a network was asked."""

    first: int
    second: int
    likeness: float
    similarity: float | None = None


def near_pairs(prints: np.ndarray, looks: np.ndarray, tints: np.ndarray) -> list[Pair]:
    """Pairs that tie together what is nearly the same, by its fingerprint, small grey copy and tint.

    A pair that hangs together through others is not looked at: of n frames of one scene, n - 1 pairs
    are found. One thing in two colours is two pictures; and so is, unless it had little colour, one
    picture in colour and in grey.
    """
    count = len(prints)
    groups = Groups(count)
    # The total is known at the start: each pair is settled by its bits, by others, or by a second look.
    progress = Progress(count * (count - 1) // 2, "comparing", "pairs")
    found = []
    with helpers() as pool:
        for candidates in _piles(prints, tints, groups, progress):
            found += _settle(candidates, looks, groups, pool, progress)
    progress.close()
    return found


def _piles(
    prints: np.ndarray, tints: np.ndarray, groups: Groups, progress: Progress
) -> Iterator[np.ndarray]:
    """Candidates [n, 3], see `_candidates`, of all blocks; `ENOUGH` together, so far as there are."""
    pile, size = [], 0
    starts = range(0, len(prints), BLOCK)
    for rows, columns in ((rows, columns) for rows in starts for columns in starts if rows <= columns):
        candidates, compared = _candidates(prints, tints, groups, rows, columns)
        progress.advance(compared - len(candidates))
        pile.append(candidates)
        size += len(candidates)
        if size >= ENOUGH:
            yield np.concatenate(pile)
            pile, size = [], 0
    if size:
        yield np.concatenate(pile)


def _candidates(
    prints: np.ndarray, tints: np.ndarray, groups: Groups, rows: int, columns: int
) -> tuple[np.ndarray, int]:
    """Of the block that starts there: pairs yet apart, each with its differing bits; how many it has."""
    down, across = slice(rows, rows + BLOCK), slice(columns, columns + BLOCK)
    bits = np.bitwise_count(prints[down, None] ^ prints[None, across])
    close = (bits <= MOST_BITS) & (groups.numbers[down, None] != groups.numbers[None, across])
    compared = close.size
    if rows == columns:  # each pair once, and none with itself
        close = np.triu(close, 1)
        compared = len(close) * (len(close) - 1) // 2
    first, second = np.nonzero(close)
    candidates = np.stack([first + rows, second + columns, bits[first, second]], axis=1)
    differing = np.abs(tints[candidates[:, 0]] - tints[candidates[:, 1]]).max(axis=1, initial=0)
    return candidates[differing <= MOST_TINT], compared


def _settle(
    candidates: np.ndarray, looks: np.ndarray, groups: Groups, pool: Executor, progress: Progress
) -> list[Pair]:
    """Those that are alike, tied in `groups`, but for those that then hang together through others.

    In rounds: first only pairs of which none can be spared, for of one scene each of them is alike.
    Once some were not, a round may take as many others: of two scenes, all pairs between them may have
    to be looked at, and one by one would keep no core busy. In vain, because others tie them too, are
    looked at no more than are not alike.
    """
    rest = candidates[np.argsort(candidates[:, 2], kind="stable")]
    found: list[Pair] = []
    others = 0
    while True:
        apart = groups.are_apart(rest[:, :2])
        progress.advance(int((~apart).sum()))
        rest = rest[apart]
        if not len(rest):
            return found
        chosen = np.zeros(len(rest), bool)
        chosen[_tree(rest, groups)] = True
        chosen[np.flatnonzero(~chosen)[:others]] = True
        taken, rest = rest[chosen], rest[~chosen]
        alike = _likeness(taken[:, :2], looks, pool, progress)
        same = alike >= LEAST_LIKENESS
        in_vain = same.sum() - groups.tie(taken[same, :2])
        others += int((~same).sum() - in_vain)
        found += [
            Pair(first, second, value)
            for (first, second), value in zip(
                taken[same, :2].tolist(), alike[same].tolist(), strict=True
            )
        ]


def _tree(candidates: np.ndarray, groups: Groups) -> np.ndarray:
    """Which would tie all groups that candidates can, none to spare, the first ones preferred."""
    count = len(groups.numbers)
    ends = np.sort(groups.numbers[candidates[:, :2]], axis=1)
    _, first = np.unique(ends[:, 0] * count + ends[:, 1], return_index=True)
    # A place in the order is its weight; plus 1, for 0 is no link.
    graph = scipy.sparse.coo_array((first + 1.0, ends[first].T), shape=(count, count))
    return scipy.sparse.csgraph.minimum_spanning_tree(graph.tocsr()).data.astype(int) - 1


def _likeness(pairs: np.ndarray, looks: np.ndarray, pool: Executor, progress: Progress) -> np.ndarray:
    chunks = [pairs[start : start + AT_ONCE] for start in range(0, len(pairs), AT_ONCE)]
    values = []
    for chunk in pool.map(lambda chunk: likeness(looks, chunk), chunks):
        values.append(chunk)
        progress.advance(len(chunk))
    return np.concatenate(values)
