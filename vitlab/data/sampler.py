"""Which examples make which batch: a pure function of the seed, the epoch and the position."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import grain
import numpy as np


@dataclass(frozen=True)
class Batch:
    """Indices of examples, always equally many, and the weight of each: 1, or 0 for a filler.

    The last batch of an epoch is filled up with the epoch's first examples, so that nothing is
    compiled for it and no example is lost. Fillers are in no loss and no score; a batch norm that
    trains meets them as it meets any image.
    """

    indices: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Sampler:
    """Every example once an epoch, in an order of its own each epoch, or in order without a seed."""

    count: int
    batch_size: int
    seed: int | None = None

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(self.count / self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from batch `start` on; resuming needs no more than that."""
        order = grain.MapDataset.range(self.count)
        if self.seed is not None:
            order = order.seed(self.seed).shuffle().repeat(reseed_each_epoch=True)
        offset = epoch * self.count if self.seed is not None else 0
        for batch in range(start, len(self)):
            first, last = batch * self.batch_size, min((batch + 1) * self.batch_size, self.count)
            real = [order[offset + index] for index in range(first, last)]
            fill = self.batch_size - len(real)
            again = [order[offset + index % self.count] for index in range(fill)]
            yield Batch(
                np.array(real + again),
                np.array([1.0] * len(real) + [0.0] * fill, np.float32),
            )
