"""The compiled programs of a population: a start, an epoch and a choice, for all its members at once."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from vitlab.config import Phase
from vitlab.models import Arrays, head_logits
from vitlab.training.loss import make_objective
from vitlab.training.optimizer import make_optimizer, make_schedule
from vitlab.training.step import (
    State,
    Totals,
    batch_totals,
    first_state,
    train_step,
    zero_totals,
)
from vitlab.training.task import dropout_key
from vitlab.training.trainable import Chosen

Examples = dict[str, Array]  # "embeddings" [examples, width] and "labels" [examples]
Settings = dict[str, Array]  # of the members: "key", "learning_rate", "weight_decay", "dropout"
# Rows of the store and their weights, for each set of members that share them; 0 marks fillers.
Order = tuple[Int[Array, "sets batches batch"], Float[Array, "sets batches batch"]]

NOTHING_FROZEN: dict[str, Arrays] = {"parameters": {}, "statistics": {}}


class Programs:
    """What members do whose phase takes equally many batches an epoch.

    `labels` are those of the training part, for class weights. Where no member has weight decay
    (`decays`) or dropout (`drops`), the programs are without it. Each `sharing` members in a row see the
    same batches, so that their products with one are one, in a third of the time of many small ones.
    Heads are `turned` here.
    """

    def __init__(
        self,
        phase: Phase,
        *,
        epochs: int,
        batches: int,
        chosen: Chosen,
        labels: np.ndarray,
        decays: bool,
        drops: bool,
        sharing: int,
    ):
        self._phase, self._epochs, self._batches = phase, epochs, batches
        self._chosen, self._decays, self._drops, self._sharing = chosen, decays, drops, sharing
        self._objective = make_objective(phase, labels)
        self.start = jax.jit(jax.vmap(self._start))
        self.epoch = jax.jit(self._epoch_of_all, donate_argnums=0)
        self.better = jax.jit(jax.vmap(_chosen), donate_argnums=2)

    def _optimizer(self, settings: Settings) -> optax.GradientTransformation:
        """With the member's own numbers, which the program is given."""
        own: dict[str, Any] = {"learning_rate": settings["learning_rate"]}
        own["weight_decay"] = settings["weight_decay"] if self._decays else 0.0
        phase = dataclasses.replace(self._phase, **own)
        schedule = make_schedule(phase, self._epochs * self._batches, self._batches)
        return make_optimizer(phase, schedule, self._chosen.rates, self._chosen.decays)

    def _start(self, head: Arrays, settings: Settings) -> State:
        return first_state(head, {}, self._optimizer(settings), ema=bool(self._phase.ema))

    def _epoch_of_all(
        self,
        state: State,
        settings: Settings,
        store: Examples,
        order: Order,
        val: Order,
        active: Bool[Array, " members"],
    ) -> tuple[State, Arrays, dict[str, Totals]]:
        """`_epoch` of every member, along the first axis."""
        of_members: Any = (state, settings, active)
        state, settings, active = jax.tree.map(self._in_sets, of_members)
        of_set = jax.vmap(self._epoch, in_axes=(0, 0, None, None, None, 0))
        found = jax.vmap(of_set, in_axes=(0, 0, None, 0, 0, 0))(
            state, settings, store, order, val, active
        )
        return jax.tree.map(lambda array: array.reshape(-1, *array.shape[2:]), found)

    def _in_sets(self, array: Array) -> Array:
        return array.reshape(-1, self._sharing, *array.shape[1:])

    def _epoch(
        self,
        state: State,
        settings: Settings,
        store: Examples,
        order: Order,
        val: Order,
        is_active: Bool[Array, ""],
    ) -> tuple[State, Arrays, dict[str, Totals]]:
        """The state after an epoch of one member, the weights that are judged, and the sums over the
        epoch's training batches and over the validation part."""

        def forward(head: Arrays, statistics: Arrays, embeddings: Array, key: Key[Array, ""]):
            dropout = settings["dropout"] if self._drops else None
            return head_logits(turned(head), embeddings, dropout, dropout_key(key)), {}

        step = train_step(
            forward,
            self._optimizer(settings),
            settings["key"],
            objective=self._objective,
            parts=self._phase.accumulate,
            ema=self._phase.ema,
        )

        def take(state: State, batch: tuple[Array, Array]):
            rows, weights = batch
            inputs, labels = store["embeddings"][rows], store["labels"][rows]
            return step(state, NOTHING_FROZEN, inputs, labels, weights)[0], None

        after, _ = jax.lax.scan(take, state | {"totals": zero_totals()}, order)
        judged = after["average"]["trainable"] if self._phase.ema else after["trainable"]
        totals = {"train": after["totals"], "val": _judged(judged, store, val)}
        return _chosen(is_active, after, state), judged, totals


def turned(head: Arrays) -> Arrays:
    """With the kernel that reads the embeddings turned over, from [width, units] or back.

    Members keep it as [units, width], for then the kernels of those that see the same batch are one
    matrix as they lie in memory.
    """
    path = "head/hidden/kernel" if "head/hidden/kernel" in head else "head/kernel"
    return {**head, path: head[path].swapaxes(-1, -2)}


def _judged(head: Arrays, store: Examples, order: Order) -> Totals:
    def add(totals: Totals, batch: tuple[Array, Array]):
        rows, weights = batch
        logits = head_logits(turned(head), store["embeddings"][rows])
        more = batch_totals(logits, store["labels"][rows], weights)
        return jax.tree.map(jnp.add, totals, more), None

    return jax.lax.scan(add, zero_totals(), order)[0]


def _chosen(condition: Bool[Array, ""], one: Any, other: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), one, other)
