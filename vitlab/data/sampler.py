"""Which examples make which batch: a pure function of the seed, the epoch and the position."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from grain.experimental import index_shuffle

ROUNDS = 16  # of grain's cipher


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
    """Every example once an epoch, in an order of its own each epoch, or in order without a seed.

    With `labels`, one per example, an epoch is as long, but shows every class that occurs equally often:
    over the epochs, each class goes through all its examples before one of them comes again.

    With `views`, the store has the examples so many times over, first all of them in one view, then all
    in the next, and an example comes in its first view first, then in its second, and round again.
    """

    count: int
    batch_size: int
    seed: int | None = None
    labels: np.ndarray | None = field(default=None, compare=False)
    views: int = 1

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(self.count / self.batch_size)

    def epoch(self, epoch: int, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """The batches of an epoch from batch `start` on; resuming needs no more than that.

        With `stop`, the epoch ends before the batch of that number.
        """
        order = self._order(epoch)
        for batch in range(start, len(self) if stop is None else min(stop, len(self))):
            places = np.arange(batch * self.batch_size, (batch + 1) * self.batch_size)
            weights = (places < self.count).astype(np.float32)
            places[places >= self.count] -= batch * self.batch_size + int(weights.sum())
            yield Batch(order[places % self.count], weights)

    def _order(self, epoch: int) -> np.ndarray:
        """The row of the store at each place of an epoch."""
        if self.seed is None:
            return np.arange(self.count)
        order = shuffled(self.count, self.seed, epoch)
        if self.labels is None:
            return order + epoch % self.views * self.count
        # The classes take turns through all epochs, and an epoch's turns are shuffled.
        classes = [np.flatnonzero(self.labels == label) for label in np.unique(self.labels)]
        turns, which = np.divmod(epoch * self.count + order, len(classes))
        rows = np.empty(self.count, np.int64)
        for index, examples in enumerate(classes):
            mine = np.flatnonzero(which == index)
            times, places = np.divmod(turns[mine], len(examples))
            for time in np.unique(times):
                now = times == time
                found = examples[shuffled(len(examples), self.seed, int(time))[places[now]]]
                rows[mine[now]] = found + time % self.views * self.count
        return rows


def shuffled(count: int, seed: int, times: int) -> np.ndarray:
    """0 to count - 1 in a random order, another one for each of the `times`.

    Its seed is what grain's shuffle makes of `times` among all numbers of 32 bits, so that none comes
    twice. The order itself is NumPy's: grain finds each place by itself, which takes 40 microseconds
    where there are some hundreds, and so most of the time of a head's step.
    """
    first = int(np.random.SeedSequence((seed, 1)).generate_state(1)[0])
    return np.random.default_rng(index_shuffle(times, 2**32 - 1, first, ROUNDS)).permutation(count)
