"""Which examples make which batch: a pure function of the seed, the epoch and the position."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from grain.experimental import index_shuffle


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
            first, last = batch * self.batch_size, min((batch + 1) * self.batch_size, self.count)
            real = [order(index) for index in range(first, last)]
            fill = self.batch_size - len(real)
            again = [order(index % self.count) for index in range(fill)]
            yield Batch(
                np.array(real + again),
                np.array([1.0] * len(real) + [0.0] * fill, np.float32),
            )

    def _order(self, epoch: int) -> Callable[[int], int]:
        """The row of the store at each place of an epoch."""
        if self.seed is None:
            return int
        place = _endless(range(self.count), self.seed)
        if self.labels is None:
            return lambda index: self._row(place(epoch * self.count + index), epoch)
        classes = [np.flatnonzero(self.labels == label).tolist() for label in np.unique(self.labels)]
        streams = [_endless(examples, self.seed) for examples in classes]

        def dealt(index: int) -> int:
            """The classes take turns through all epochs, and an epoch's turns are shuffled."""
            turn = epoch * self.count + place(epoch * self.count + index)
            turn, which = divmod(turn, len(streams))
            return self._row(streams[which](turn), turn // len(classes[which]))

        return dealt

    def _row(self, example: int, times: int) -> int:
        """Of an example that came so many times before."""
        return example + times % self.views * self.count


def _endless(values: Sequence[int], seed: int) -> Callable[[int], int]:
    """The values in one random order after another, each of them found without those before it.

    It is what `grain.MapDataset.source(values).seed(seed).shuffle().repeat()` gives, whose bookkeeping
    would take as long again.
    """
    count, first = len(values), int(np.random.SeedSequence((seed, 1)).generate_state(1)[0])

    def at(index: int) -> int:
        times, place = divmod(index, count)
        return values[index_shuffle(place, count - 1, (first + times) % 2**32, 4)]

    return at
