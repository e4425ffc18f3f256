"""Many heads at once on one store of embeddings, each as it would have been trained alone.

The members of a population differ in their seed, fold, learning rate, weight decay, dropout and hidden
layer. Those whose programs are alike train side by side under `vmap`, an epoch of all in one call; a
smaller hidden layer is filled up with units of zeros. ReLU has no slope at zero, and what such a unit
reads and is read by is zero, so that it adds nothing and stays as it is: no optimizer and no decay of
weights moves a zero whose gradient is zero.
"""

import dataclasses
import math
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vitlab.config import Phase
from vitlab.errors import InputError
from vitlab.models import Arrays
from vitlab.progress import Progress
from vitlab.threads import helpers
from vitlab.training.early_stopping import EarlyStopping
from vitlab.training.member_orders import Fold, Member, Orders
from vitlab.training.member_programs import Examples, Programs, turned
from vitlab.training.stage import Stage, phase_seed
from vitlab.training.step import scores_of
from vitlab.training.trainable import Chosen, chosen_parameters

MOST_BYTES = 2**29  # of the arrays of the members that train side by side
COPIES = 8  # of a head and a batch: gradients, moments, averages, the best, what a step puts aside


@dataclass(frozen=True)
class TrainedMember:
    """The head of the best epoch, and how it went.

    `epochs` has the scores of "train" and "val" of each epoch, and `best_epoch` counts from 1; 0 is the
    start. A member whose loss became no number has `diverged` and ended there, where a run alone would
    end with an error; the population goes on. `seconds` is its share of the time of those that trained
    with it.
    """

    head: dict[str, np.ndarray]
    best_epoch: int
    epochs: tuple[dict[str, dict[str, float]], ...]
    diverged: bool
    seconds: float


def check_population(phase: Phase, where: str, paths: Collection[str]) -> None:
    """Raises InputError if heads cannot train so on embeddings, all of them at once.

    `where` is the key of the phase in the config, `paths` are those of the network's parameters.
    """
    chosen = chosen_parameters(paths, phase, where).paths
    head = {path for path in paths if path.startswith("head/")}
    if chosen != head:
        raise InputError(
            f"{where}.trainable is {phase.trainable}; a population trains the head, all of it and "
            f"nothing else: --config.{where}.trainable='(\"head/.*\",)'"
        )
    if phase.steps:
        raise InputError(
            f"{where}.steps is {phase.steps}; a population counts epochs: set {where}.epochs instead"
        )
    if phase.augmentation:
        raise InputError(
            f"{where}.augmentation: a population trains on embeddings, which are computed once; "
            "leave the augmentation out"
        )
    if phase.batch_norm == "update":
        raise InputError(
            f"{where}.batch_norm is 'update', which moves the backbone; a population needs 'frozen'"
        )


def train_population(
    members: Sequence[Member],
    starts: Sequence[Arrays],
    phase: Phase,
    embeddings: np.ndarray,
    labels: np.ndarray,
    folds: Sequence[Fold],
    batch_size: int,
) -> list[TrainedMember]:
    """Trains the head of each member, from its arrays in `starts`, by paths that begin with `head/`.

    The phase is the first of its run; learning rate and weight decay are the members' own. Losses and
    weights are those of `train_phase` with the member's seed, up to rounding.
    """
    store = {"embeddings": jnp.asarray(embeddings, jnp.float32), "labels": jnp.asarray(labels)}
    orders = Orders(folds, labels if phase.sampling == "balanced" else None, batch_size)
    trained: dict[int, TrainedMember] = {}
    progress = Progress(len(members) * _most_epochs(phase), "heads", "epochs")
    for group in _groups(members, starts, phase, orders):
        some = _Together(
            [members[index] for index in group],
            [starts[index] for index in group],
            phase,
            store,
            labels,
            orders,
        )
        trained |= zip(group, some.train(progress), strict=True)
    progress.close()
    return [trained[index] for index in range(len(members))]


def _groups(
    members: Sequence[Member], starts: Sequence[Arrays], phase: Phase, orders: Orders
) -> list[list[int]]:
    """Indices of members that one program can train, as many together as memory allows.

    Those with hidden layers of like size come together, so that little is filled up.
    """
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for index, member in enumerate(members):
        balance = member.fold if phase.class_weights == "balanced" else None
        key = (member.hidden > 0, member.dropout > 0, len(orders.sampler(member)), balance)
        alike[key].append(index)
    groups = []
    for group in alike.values():
        group.sort(key=lambda index: members[index].hidden)
        largest = starts[group[-1]].values()
        numbers = sum(array.nbytes for array in largest)
        batch = 4 * orders.batch_size * sum(array.shape[0] for array in largest)  # as it passes through
        count = max(MOST_BYTES // (COPIES * (numbers + batch)), 1)
        groups += [group[first : first + count] for first in range(0, len(group), count)]
    for group in groups:
        group.sort(key=lambda index: _batches_of(members[index]))
    return groups


def _batches_of(member: Member) -> tuple[int, int]:
    """Members for which this is the same see the same batches."""
    return member.fold, member.seed


class _Together:
    """Members that train side by side; every array has them along its first axis, and orders the sets
    of them that see the same batches."""

    def __init__(
        self,
        members: Sequence[Member],
        starts: Sequence[Arrays],
        phase: Phase,
        store: Examples,
        labels: np.ndarray,
        orders: Orders,
    ):
        self.members, self.starts, self.phase, self.store = members, starts, phase, store
        self.orders = orders
        self.epochs = _most_epochs(phase)
        # As many in a row as every set of members with the same batches divides into.
        self.sharing = math.gcd(*Counter(map(_batches_of, members)).values())
        balancing = labels[orders.folds[members[0].fold].train]
        self.programs = Programs(
            phase,
            epochs=self.epochs,
            batches=len(orders.sampler(members[0])),
            chosen=_all_of(starts[0], phase),
            labels=balancing,
            decays=any(member.weight_decay for member in members),
            drops=any(member.dropout for member in members),
            sharing=self.sharing,
        )
        self.settings = {
            "key": jax.vmap(jax.random.key)(
                jnp.array([phase_seed(member.seed, 0) for member in members], jnp.uint32)
            ),
            **{
                name: jnp.array([getattr(member, name) for member in members], jnp.float32)
                for name in ("learning_rate", "weight_decay", "dropout")
            },
        }
        self.best = turned(_filled_up(starts))
        self.state = self.programs.start(self.best, self.settings)
        most = max(map(orders.val_batches, members))
        self.val = _sets_first(orders.val(member, most) for member in members[:: self.sharing])
        self.order = self.order_of(0)
        memory = EarlyStopping(phase.patience, phase.monitor, phase.min_delta)
        self.stopping = [memory for _ in members]
        self.diverged = [False for _ in members]
        self.lines: list[list[dict[str, dict[str, float]]]] = [[] for _ in members]

    def train(self, progress: Progress) -> list[TrainedMember]:
        began = time.monotonic()
        for epoch in range(self.epochs):
            active = [not self.ended(index) for index in range(len(self.members))]
            if not any(active):
                break
            self.train_epoch(epoch, np.array(active))
            progress.advance(sum(active), f"{sum(active)} of {len(active)} together go on")
        for index in range(len(self.members)):
            progress.advance(self.epochs - len(self.lines[index]))
        heads = jax.device_get(turned(self.best))
        seconds = (time.monotonic() - began) / len(self.members)
        return [
            TrainedMember(
                head={path: _cut(heads[path][index], array.shape) for path, array in start.items()},
                best_epoch=self.stopping[index].best_epoch,
                epochs=tuple(self.lines[index]),
                diverged=self.diverged[index],
                seconds=seconds,
            )
            for index, start in enumerate(self.starts)
        ]

    def order_of(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        return _sets_first(self.orders.train(one, epoch) for one in self.members[:: self.sharing])

    def ended(self, index: int) -> bool:
        return self.diverged[index] or self.stopping[index].should_stop

    def train_epoch(self, epoch: int, active: np.ndarray) -> None:
        """An epoch of those that have not ended; the others stay as they are."""
        with helpers(1) as pool:  # draws the next order while the device works
            drawn = pool.submit(self.order_of, epoch + 1) if epoch + 1 < self.epochs else None
            self.state, judged, totals = self.programs.epoch(
                self.state, self.settings, self.store, self.order, self.val, active
            )
            found = jax.device_get(totals)
        if drawn:
            self.order = drawn.result()
        is_best = np.zeros(len(self.members), bool)
        for index in np.flatnonzero(active):
            line = {
                part: scores_of({name: value[index] for name, value in sums.items()})
                for part, sums in found.items()
            }
            if not all(math.isfinite(value) for scores in line.values() for value in scores.values()):
                self.diverged[index] = True
                continue
            val, before = line["val"], self.stopping[index]
            self.stopping[index] = before.after(epoch + 1, val["accuracy"], val["loss"])
            is_best[index] = self.stopping[index].best_epoch == epoch + 1
            self.lines[index].append(line)
        self.best = self.programs.better(is_best, judged, self.best)


def _most_epochs(phase: Phase) -> int:
    """It is the first of its run, and counts no steps."""
    return Stage("population", phase, 0, 0).most_epochs(1)


def _all_of(head: Arrays, phase: Phase) -> Chosen:
    """With the factors of the phase. Of the layers that it may count, a head is the last."""
    whole = dataclasses.replace(phase, trainable=(".*",), last_layers=0, layer_decay=1.0)
    return chosen_parameters(head, whole, "the phase")


def _filled_up(starts: Sequence[Arrays]) -> Arrays:
    """Each array of all heads, with zeros up to the largest."""
    stacked = {}
    for path in starts[0]:
        arrays = [np.asarray(start[path]) for start in starts]
        shape = np.max([array.shape for array in arrays], axis=0)
        stacked[path] = jnp.asarray(
            np.stack(
                [
                    np.pad(array, [(0, more) for more in shape - np.array(array.shape)])
                    for array in arrays
                ]
            )
        )
    return stacked


def _cut(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return array[tuple(slice(size) for size in shape)]


def _sets_first(
    orders: Iterable[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    rows, weights = zip(*orders, strict=True)
    return np.stack(rows), np.stack(weights)
