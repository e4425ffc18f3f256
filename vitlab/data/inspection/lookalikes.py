"""Which images have a near copy among others, such as wrong answers among the training images."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from vitlab.data.collection import Collection
from vitlab.data.decode import DecodeError
from vitlab.data.inspection.copies import SMALLEST
from vitlab.data.inspection.flaws import BLANK
from vitlab.data.inspection.measures import Measures, measure
from vitlab.data.inspection.near import LEAST_LIKENESS, MOST_BITS, MOST_TINT, Pair
from vitlab.data.inspection.overlay import AT_ONCE, likeness
from vitlab.data.stores import Store
from vitlab.progress import track
from vitlab.threads import helpers

BLOCK = 1024  # images whose pixels are in memory


@dataclass(frozen=True)
class _Measured:
    """Arrays over the images that show enough to be compared; `rows` are theirs in the table."""

    rows: np.ndarray
    prints: np.ndarray
    looks: np.ndarray
    tints: np.ndarray


@dataclass(frozen=True)
class NearCopies:
    """Pairs (row, copy, likeness), and for how many of the rows a copy could be looked for at all."""

    pairs: tuple[Pair, ...]
    looked_for: int


def near_copies(collection: Collection, rows: np.ndarray, training: np.ndarray) -> NearCopies:
    """For each of `rows` that has one, its nearest copy in the `training` rows.

    The most alike come first. By the rules of a collection's inspection (`near.near_pairs`), on the
    pixels as the network takes them: what its square cuts off is not compared. Images that are
    smaller than 24 pixels, such as digits, are not looked at.
    """
    rows = np.array([row for row in rows.tolist() if _is_large(collection, row)], int)
    if not len(rows) or not len(training):
        return NearCopies((), len(rows))
    first = _measure(collection.store(rows), rows)
    second = _measure(collection.store(training, training=True), training)
    found: dict[int, Pair] = {}
    for place, row in enumerate(first.rows.tolist()):
        bits = np.bitwise_count(first.prints[place] ^ second.prints)
        tint = np.abs(first.tints[place] - second.tints).max(axis=1, initial=0)
        candidates = np.flatnonzero((bits <= MOST_BITS) & (tint <= MOST_TINT))
        for start in range(0, len(candidates), AT_ONCE):
            chosen = candidates[start : start + AT_ONCE]
            looks = np.concatenate([first.looks[place][None], second.looks[chosen]])
            pairs = np.stack([np.zeros(len(chosen), int), np.arange(1, len(looks))], axis=1)
            alike = likeness(looks, pairs)
            best = int(alike.argmax())
            before = found[row].likeness if row in found else LEAST_LIKENESS
            if alike[best] >= before:
                found[row] = Pair(row, int(second.rows[chosen[best]]), float(alike[best]))
    most_alike_first = sorted(found.values(), key=lambda pair: -pair.likeness)
    return NearCopies(tuple(most_alike_first), len(rows))


def _is_large(collection: Collection, row: int) -> bool:
    try:
        return min(collection.read(row).image.size) >= SMALLEST
    except (DecodeError, OSError):  # it has gone since the run began
        return False


def _measured(pixels: np.ndarray) -> Measures:
    return measure(Image.fromarray(pixels))


def _measure(store: Store, rows: np.ndarray) -> _Measured:
    starts = range(0, len(rows), BLOCK)
    kept, measures = [], []
    with helpers() as pool:
        for start in track(starts, len(starts), "looking for near copies", "blocks"):
            block = rows[start : start + BLOCK]
            pixels = store.fetch(np.arange(start, start + len(block)))
            found = pool.map(_measured, pixels)
            for row, one in zip(block.tolist(), found, strict=True):
                if one.spread > BLANK:
                    kept.append(row)
                    measures.append(one)
    return _Measured(
        np.array(kept, int),
        np.array([one.print for one in measures], np.uint64),
        np.array([one.look for one in measures], np.uint8),
        np.array([one.tint for one in measures], np.float32).reshape(-1, 3),
    )
