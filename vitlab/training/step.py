"""The compiled programs of training: the state, one step, the score of one batch."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Concatenate, ParamSpec

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Float, Key

from vitlab import runtime
from vitlab.data import Mixture
from vitlab.models import Arrays, Network
from vitlab.training.loss import Labels, Logits, Objective, cross_entropy, mixed

Weights = Float[Array, "batch"]

# Sums over an epoch: of the loss, the objective, right answers, examples. They stay on the device.
Totals = dict[str, Array]
# What a step changes: "trainable" parameters, "statistics" that move, "optimizer", "totals", "step", and
# with a moving average of the first two, "average".
State = dict[str, Any]
# What it leaves alone: the other "parameters" and "statistics".
Frozen = dict[str, Arrays]
# inputs, labels, weights, key -> what the step trains on: inputs, and labels or soft targets
Change = Callable[[Array, Labels, Weights, Key[Array, ""]], tuple[Array, Labels | Mixture]]
# parameters, statistics, inputs, key -> logits, and the statistics that moved
TrainForward = Callable[[Arrays, Arrays, Array, Key[Array, ""]], tuple[Logits, Arrays]]
# parameters, statistics, inputs -> logits
Forward = Callable[[Arrays, Arrays, Array], Logits]
Step = Callable[[State, Frozen, Array, Labels, Weights], tuple[State, Totals]]
P = ParamSpec("P")


def zero_totals() -> Totals:
    return {name: jnp.zeros(()) for name in ("loss", "objective", "correct", "count")}


def first_state(
    trainable: Arrays,
    moving: Arrays,
    optimizer: optax.GradientTransformation,
    *,
    ema: bool = False,
    mesh: Mesh | None = None,
) -> State:
    """The state before the first step, of arrays of its own: a step takes what it is given.

    With a mesh, it comes into being divided over it, as `runtime.placed` divides it.
    """

    @jax.jit  # as a whole; array by array, a program would be compiled for every shape
    def draw(trainable: Arrays, moving: Arrays) -> State:
        state = {
            "trainable": trainable,
            "statistics": moving,
            "optimizer": optimizer.init(trainable),
            "totals": zero_totals(),
            "step": jnp.zeros((), jnp.int32),
        }
        if ema:
            state["average"] = {"trainable": trainable, "statistics": moving}
        state = jax.tree.map(jnp.copy, state)
        return _held(mesh, state) if mesh else state

    return draw(trainable, moving)


@jax.jit
def copied(tree: Any) -> Any:
    """A step takes the memory of its arguments, so what must outlive it is copied.

    Compiled as a whole: copying array by array would compile a program for every shape.
    """
    return jax.tree.map(jnp.copy, tree)


def is_finite(tree: Any) -> bool:
    """Whether every number of it is one, infinity being none.

    On CPU, where NumPy sees the arrays as they lie in memory, nothing is compiled for it; elsewhere a
    program for every shape, since one for all arrays takes seconds to compile where there are hundreds.
    """
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    if jax.default_backend() == "cpu" and all(leaf.is_fully_addressable for leaf in floats):
        shards = (shard for leaf in floats for shard in leaf.addressable_shards if leaf.size)
        return all(_has_finite_ends(np.asarray(s.data)) for s in shards if s.replica_id == 0)
    return all(jax.device_get([_is_finite(leaf) for leaf in floats]))


def _has_finite_ends(values: np.ndarray) -> bool:
    """The least and the greatest are no number where any is none; this takes no memory."""
    with np.errstate(invalid="ignore"):  # NumPy warns of a NaN in half precision
        return bool(np.isfinite(values.min()) and np.isfinite(values.max()))


@jax.jit
def _is_finite(array: Array) -> Array:
    return jnp.all(jnp.isfinite(array))


def unchanged(
    inputs: Array, labels: Labels, weights: Weights, key: Key[Array, ""]
) -> tuple[Array, Labels]:
    return inputs, labels


def train_step(
    forward: TrainForward,
    optimizer: optax.GradientTransformation,
    key: Key[Array, ""],
    change: Change = unchanged,
    *,
    objective: Objective = cross_entropy,
    parts: int = 1,
    ema: float = 0.0,
    mesh: Mesh | None = None,
) -> Step:
    """A step down the mean objective of the batch; it also gives the batch's own totals.

    Weight 0 marks fillers. The randomness of a step depends on `key` and the step's number alone.
    `change` is what happens to a batch before the network sees it, in `parts` one after the other.
    With `ema`, the state has the moving "average" of what changes. With a mesh, the state stays divided
    over it as `runtime.placed` divides it.
    """

    def step(state: State, frozen: Frozen, inputs: Array, labels: Labels, weights: Weights):
        step_key = jax.random.fold_in(key, state["step"])
        inputs, targets = change(inputs, labels, weights, step_key)
        count = jnp.sum(weights)

        def gradients_of(moving: Arrays, key: Key[Array, ""], inputs, targets, weights):
            """The share of these examples in the gradient of the batch."""

            def loss(trainable: Arrays):
                parameters = frozen["parameters"] | trainable
                logits, moved = forward(parameters, frozen["statistics"] | moving, inputs, key)
                batch = batch_totals(logits, targets, weights, objective)
                return batch["objective"] / count, (moved, batch)

            return jax.grad(loss, has_aux=True)(state["trainable"])

        examples = (inputs, targets, weights)
        if parts == 1:
            gradients, (moved, batch) = gradients_of(state["statistics"], step_key, *examples)
        else:
            gradients, moved, batch = _accumulated(gradients_of, parts, state, step_key, examples)
        updates, memory = optimizer.update(gradients, state["optimizer"], state["trainable"])
        next_state = {
            "trainable": optax.apply_updates(state["trainable"], updates),
            "statistics": moved,
            "optimizer": memory,
            "totals": jax.tree.map(jnp.add, state["totals"], batch),
            "step": state["step"] + 1,
        }
        if ema:
            next_state["average"] = _averaged(ema, state, next_state)
        if mesh:
            next_state, batch = _held(mesh, (next_state, batch))
        return next_state, batch

    return step


def _compiled(make: Callable[P, Step]) -> Callable[Concatenate[Network, P], Step]:
    def make_compiled(network: Network, /, *arguments: P.args, **settings: P.kwargs) -> Step:
        """For the network that is trained. The state is donated: its arrays are gone after the call."""
        step = make(*arguments, **settings)
        return jax.jit(step, donate_argnums=0, compiler_options=network.compiler_options())

    return make_compiled


make_train_step = _compiled(train_step)  # which cannot be a part of another program


def _held(mesh: Mesh, tree: Any) -> Any:
    """Within a compiled program: the arrays lie where `runtime.placed` puts them."""
    return jax.tree.map(
        lambda array: jax.lax.with_sharding_constraint(array, runtime.divided(mesh, array.shape)), tree
    )


def _accumulated(
    gradients_of: Callable, parts: int, state: State, key: Key[Array, ""], examples: Any
) -> tuple[Arrays, Arrays, Totals]:
    """The gradient, the statistics that moved and the totals of a batch, worked through in parts."""

    def add(carry: Any, part: Any):
        moving, gradients, totals = carry
        number, some = part
        more, (moved, batch) = gradients_of(moving, jax.random.fold_in(key, number), *some)
        gradients, totals = jax.tree.map(jnp.add, (gradients, totals), (more, batch))
        return (moved, gradients, totals), None

    nothing = jax.tree.map(jnp.zeros_like, state["trainable"])
    start = (state["statistics"], nothing, zero_totals())
    cut = jax.tree.map(partial(_cut, parts), examples)
    (moved, gradients, totals), _ = jax.lax.scan(add, start, (jnp.arange(parts), cut))
    return gradients, moved, totals


def _cut(parts: int, array: Array) -> Array:
    """[batch, ...] as [parts, batch / parts, ...]: part i has the examples i, i + parts, ..., so that
    each device finds its share of every part among the examples that it has."""
    return jnp.swapaxes(array.reshape(-1, parts, *array.shape[1:]), 0, 1)


def _averaged(decay: float, old: State, new: State) -> dict[str, Arrays]:
    """The moving average after a step. The first steps weigh more, so that the start is soon forgotten:
    as TensorFlow's ExponentialMovingAverage, the decay is at most (1 + steps) / (10 + steps)."""
    steps = old["step"].astype(jnp.float32)
    kept = jnp.minimum(decay, (1 + steps) / (10 + steps))
    now = {name: new[name] for name in ("trainable", "statistics")}
    return jax.tree.map(lambda average, value: kept * average + (1 - kept) * value, old["average"], now)


def make_score(
    network: Network, forward: Forward
) -> Callable[[Totals, Arrays, Arrays, Array, Labels, Weights], Totals]:
    """Adds the totals of a batch, without any change of the model."""

    @partial(jax.jit, compiler_options=network.compiler_options())
    def score(totals, parameters, statistics, inputs, labels, weights):
        batch = batch_totals(forward(parameters, statistics, inputs), labels, weights)
        return jax.tree.map(jnp.add, totals, batch)

    return score


def batch_totals(
    logits: Logits, targets: Labels | Mixture, weights: Weights, objective: Objective = cross_entropy
) -> Totals:
    """Sums over the examples. "loss" is the cross-entropy, whatever the "objective" is, so that it can
    be compared. The answer to a mixture is right if it is the label with the larger share."""
    losses = mixed(cross_entropy, logits, targets)
    aims = losses if objective is cross_entropy else mixed(objective, logits, targets)
    labels = targets
    if isinstance(targets, Mixture):
        labels = jnp.where(targets.share >= 0.5, targets.labels, targets.others)
    return {
        "loss": jnp.sum(losses * weights),
        "objective": jnp.sum(aims * weights),
        "correct": jnp.sum((jnp.argmax(logits, axis=-1) == labels) * weights),
        "count": jnp.sum(weights),
    }


def scores_of(totals: Mapping[str, Any]) -> dict[str, Any]:
    """The number of examples, and their mean loss and accuracy. Waits for the device."""
    values = {name: float(value) for name, value in jax.device_get(totals).items()}
    count = values["count"]
    return {
        "n": int(count),
        "loss": values["loss"] / count,
        "accuracy": values["correct"] / count,
    }
