"""Pairs of pictures that are nearly the same: compressed again, resized, made lighter, cut a little."""

from dataclasses import dataclass

import numpy as np

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
BLOCK = 512  # rows of the table of differences that are in memory at once


@dataclass(frozen=True)
class Pair:
    """Two rows; `similarity` is the cosine of their embeddings, where a network was asked."""

    first: int
    second: int
    bits: int
    likeness: float
    similarity: float | None = None


def near_pairs(prints: np.ndarray, looks: np.ndarray, tints: np.ndarray) -> list[Pair]:
    """Which of the pictures with these fingerprints, small grey copies and tints are nearly the same.

    One thing in two colours is two pictures; and so is, unless it had little colour, one picture in
    colour and in grey.
    """
    candidates, bits = _close_prints(prints)
    differing = np.abs(tints[candidates[:, 0]] - tints[candidates[:, 1]]).max(axis=1, initial=0)
    candidates, bits = candidates[differing <= MOST_TINT], bits[differing <= MOST_TINT]
    chunks = [candidates[start : start + AT_ONCE] for start in range(0, len(candidates), AT_ONCE)]
    progress = Progress(len(candidates), "comparing", "pairs")
    values = []
    with helpers() as pool:
        for chunk in pool.map(lambda pairs: likeness(looks, pairs), chunks):
            values.append(chunk)
            progress.advance(len(chunk))
    progress.close()
    alike = np.concatenate([np.zeros(0), *values])
    return [
        Pair(int(first), int(second), int(bits[index]), float(alike[index]))
        for index, (first, second) in enumerate(candidates)
        if alike[index] >= LEAST_LIKENESS
    ]


def _close_prints(prints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs [n, 2] that differ in few bits, and in how many; a block of rows at a time."""
    pairs, bits = [np.zeros((0, 2), int)], [np.zeros(0, int)]
    for start in range(0, len(prints), BLOCK):
        block = prints[start : start + BLOCK]
        differing = np.bitwise_count(block[:, None] ^ prints[None, start:])
        first, second = np.nonzero(differing <= MOST_BITS)
        later = second > first
        first, second = first[later], second[later]
        pairs.append(np.stack([first, second], axis=1) + start)
        bits.append(differing[first, second])
    return np.concatenate(pairs), np.concatenate(bits)
