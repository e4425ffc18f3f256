"""Less memory for more time: a block's activations computed again where the backward pass needs them
(Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost")."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array

from vitlab.errors import InputError
from vitlab.models.layers.backend import prefers_reformulation

# State and inputs of a block -> its outputs, and its statistics after it if they moved.
Run = Callable[[nnx.State, Array], tuple[Array, nnx.State]]


def repeated(call: Callable[..., Array]) -> Callable[..., Array]:
    """Marks the `__call__` of a part that networks repeat: array in, array out, perhaps static others.

    Parts that are built alike are traced once, as are their gradients, however many there are. So of
    what a part keeps, only the statistics of batch norm may change: what else it wrote would be lost.
    Where `rematerialise` has switched it on, only a part's inputs are kept for the backward pass.
    """

    @functools.wraps(call)
    def wrapped(self: nnx.Module, inputs: Array, *others: Any, **named: Any) -> Array:
        if hasattr(self, "__captures__"):  # `nnx.capture` looks at what lies within
            return call(self, inputs, *others, **named)
        graph, state = nnx.split(self)
        arguments = others, tuple(sorted(named.items()))
        again = getattr(self, "rematerialised", False)
        run = _traced_once(call, graph, *arguments, again, prefers_reformulation())
        outputs, moved = run(state, inputs)
        if moved:
            nnx.update(self, moved)
        return outputs

    wrapped.is_repeated = True  # type: ignore[attr-defined]
    return wrapped


@functools.lru_cache(maxsize=1024)
def _traced_once(
    call: Callable[..., Array],
    graph: nnx.GraphDef,
    others: tuple,
    named: tuple,
    again: bool,
    reformulated: bool,
) -> Run:
    """One function for all parts of a structure, so that JAX finds again what it has traced.

    `reformulated` is what layers choose their formulation by while they are traced.
    """

    def run(state: nnx.State, inputs: Array) -> tuple[Array, nnx.State]:
        module = nnx.merge(graph, state)
        before = jax.tree.leaves(nnx.state(module, nnx.BatchStat))
        outputs = call(module, inputs, *others, **dict(named))
        after = nnx.state(module, nnx.BatchStat)
        pairs = zip(before, jax.tree.leaves(after), strict=True)
        return outputs, after if any(one is not other for one, other in pairs) else nnx.State({})

    if again:
        return jax.jit(_run_again(run) if reformulated else jax.checkpoint(run))
    return jax.jit(run)


def rematerialise(module: nnx.Module) -> None:
    """Switches it on for every block in `module`. Raises InputError if there is none."""
    parts: list[Any] = [part for _, part in nnx.iter_modules(module)]
    blocks = [part for part in parts if callable(part) and hasattr(part.__call__, "is_repeated")]
    if not blocks:
        raise InputError(
            "this network has no blocks whose activations could be computed again; leave "
            "`rematerialise` of its phases off, and set `accumulate` for less memory"
        )
    for part in blocks:
        part.rematerialised = True


def _run_again(run: Run) -> Run:
    """`jax.checkpoint`, in a form that XLA's CPU backend cannot undo.

    That backend drops the barrier by which `jax.checkpoint` holds the second run back until the
    gradient has come, runs all blocks again at once, and needs more memory than without. The branch of
    a conditional stays where it is. It is taken unless the gradient is 0 everywhere; those of the
    parameters are 0 then too.
    """

    @jax.custom_vjp
    def first(state: nnx.State, inputs: Array) -> tuple[Array, nnx.State]:
        return run(state, inputs)

    def forward(state: nnx.State, inputs: Array) -> Any:
        return run(state, inputs), (state, inputs)

    def backward(residuals: Any, gradients: Any) -> Any:
        def through() -> Any:
            _, pull = jax.vjp(run, *residuals)
            return pull(gradients)

        def nothing() -> Any:
            return jax.tree.map(jnp.zeros_like, residuals)

        return jax.lax.cond(jnp.any(gradients[0] != 0), through, nothing)

    first.defvjp(forward, backward)
    return first
