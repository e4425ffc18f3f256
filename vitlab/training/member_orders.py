"""The members of a population, and which examples make which batch of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitlab.data import Sampler
from vitlab.training.stage import phase_seed

KEPT_BYTES = 2**28  # beyond them, an order that several groups need is drawn again


@dataclass(frozen=True)
class Member:
    """What is a head's own. `seed` is that of the run that would train it alone."""

    seed: int
    fold: int
    hidden: int
    dropout: float
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True)
class Fold:
    """Rows of the embeddings to train on and to validate on."""

    train: np.ndarray
    val: np.ndarray


class Orders:
    """Which examples make which batch: for each fold and seed once, however many members share it."""

    def __init__(self, folds: Sequence[Fold], labels: np.ndarray | None, batch_size: int):
        self.folds = folds
        self._labels = labels  # where they balance the sampling
        self.batch_size = batch_size
        self._kept: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._bytes = 0

    def sampler(self, member: Member) -> Sampler:
        """Of the member's training part, as a run alone has it."""
        rows = self.folds[member.fold].train
        labels = None if self._labels is None else self._labels[rows]
        return Sampler(len(rows), self.batch_size, phase_seed(member.seed, 0), labels)

    def train(self, member: Member, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and weights [batches, batch] of an epoch."""
        key = (member.fold, member.seed, epoch)
        if key in self._kept:
            return self._kept[key]
        order = _stacked(self.sampler(member), epoch, self.folds[member.fold].train)
        self._bytes += sum(array.nbytes for array in order)
        if self._bytes <= KEPT_BYTES:
            self._kept[key] = order
        return order

    def val(self, member: Member, batches: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and weights of the validation part, with batches of fillers up to so many."""
        rows = self.folds[member.fold].val
        indices, weights = _stacked(Sampler(len(rows), self.batch_size), 0, rows)
        missing = ((0, batches - len(indices)), (0, 0))
        return np.pad(indices, missing), np.pad(weights, missing)

    def val_batches(self, member: Member) -> int:
        return len(Sampler(len(self.folds[member.fold].val), self.batch_size))


def _stacked(sampler: Sampler, epoch: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    batches = list(sampler.epoch(epoch))
    indices = rows[np.stack([batch.indices for batch in batches])].astype(np.int32)
    return indices, np.stack([batch.weights for batch in batches])
