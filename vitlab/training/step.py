"""The two compiled programs of training: one step, and the score of one batch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from vitlab.data import Mixture
from vitlab.models import Arrays

Labels = Int[Array, "batch"]
Weights = Float[Array, "batch"]
Logits = Float[Array, "batch classes"]

# Sums over an epoch: of the loss, of right answers, and of examples. They stay on the device.
Totals = dict[str, Array]
# What a step changes: "trainable" parameters, "statistics" that move, "optimizer", "totals", "step".
State = dict[str, Any]
# What it leaves alone: the other "parameters" and "statistics".
Frozen = dict[str, Arrays]
# inputs, labels, weights, key -> what the step trains on: inputs, and labels or soft targets
Change = Callable[[Array, Labels, Weights, Key[Array, ""]], tuple[Array, Labels | Mixture]]
# parameters, statistics, inputs, key -> logits, and the statistics that moved
TrainForward = Callable[[Arrays, Arrays, Array, Key[Array, ""]], tuple[Logits, Arrays]]
# parameters, statistics, inputs -> logits
Forward = Callable[[Arrays, Arrays, Array], Logits]


def zero_totals() -> Totals:
    return {name: jnp.zeros(()) for name in ("loss", "correct", "count")}


def first_state(trainable: Arrays, moving: Arrays, optimizer: optax.GradientTransformation) -> State:
    """The state before the first step, of arrays of its own: a step takes what it is given."""

    @jax.jit  # as a whole; array by array, a program would be compiled for every shape
    def draw(trainable: Arrays, moving: Arrays) -> State:
        return {
            "trainable": jax.tree.map(jnp.copy, trainable),
            "statistics": jax.tree.map(jnp.copy, moving),
            "optimizer": optimizer.init(trainable),
            "totals": zero_totals(),
            "step": jnp.zeros((), jnp.int32),
        }

    return draw(trainable, moving)


def unchanged(
    inputs: Array, labels: Labels, weights: Weights, key: Key[Array, ""]
) -> tuple[Array, Labels]:
    return inputs, labels


def make_train_step(
    forward: TrainForward,
    optimizer: optax.GradientTransformation,
    key: Key[Array, ""],
    change: Change = unchanged,
) -> Callable[[State, Frozen, Array, Labels, Weights], tuple[State, Totals]]:
    """A step down the mean cross-entropy of the batch; it also gives the batch's own totals.

    Weight 0 marks fillers. The randomness of a step depends on `key` and the step's number alone.
    `change` is what happens to a batch before the network sees it.
    The state is donated: its arrays are gone after the call.
    """

    def step(state: State, frozen: Frozen, inputs: Array, labels: Labels, weights: Weights):
        step_key = jax.random.fold_in(key, state["step"])
        statistics = frozen["statistics"] | state["statistics"]
        inputs, targets = change(inputs, labels, weights, step_key)

        def objective(trainable: Arrays):
            parameters = frozen["parameters"] | trainable
            logits, moved = forward(parameters, statistics, inputs, step_key)
            batch = batch_totals(logits, targets, weights)
            return batch["loss"] / batch["count"], (moved, batch)

        gradients, (moved, batch) = jax.grad(objective, has_aux=True)(state["trainable"])
        updates, memory = optimizer.update(gradients, state["optimizer"], state["trainable"])
        next_state = {
            "trainable": optax.apply_updates(state["trainable"], updates),
            "statistics": moved,
            "optimizer": memory,
            "totals": jax.tree.map(jnp.add, state["totals"], batch),
            "step": state["step"] + 1,
        }
        return next_state, batch

    return jax.jit(step, donate_argnums=0)


def make_score(
    forward: Forward,
) -> Callable[[Totals, Arrays, Arrays, Array, Labels, Weights], Totals]:
    """Adds the totals of a batch, without any change of the model."""

    @jax.jit
    def score(totals, parameters, statistics, inputs, labels, weights):
        batch = batch_totals(forward(parameters, statistics, inputs), labels, weights)
        return jax.tree.map(jnp.add, totals, batch)

    return score


def batch_totals(logits: Logits, targets: Labels | Mixture, weights: Weights) -> Totals:
    """The answer to a mixture is right if it is the label with the larger share."""
    if isinstance(targets, Mixture):
        labels = jnp.where(targets.share >= 0.5, targets.labels, targets.others)
        losses = targets.share * _cross_entropy(logits, targets.labels)
        losses += (1 - targets.share) * _cross_entropy(logits, targets.others)
    else:
        labels, losses = targets, _cross_entropy(logits, targets)
    return {
        "loss": jnp.sum(losses * weights),
        "correct": jnp.sum((jnp.argmax(logits, axis=-1) == labels) * weights),
        "count": jnp.sum(weights),
    }


_cross_entropy = optax.softmax_cross_entropy_with_integer_labels
