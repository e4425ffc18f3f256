"""Parts that a network repeats: traced once, and computed again if it is asked to."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from flax import nnx
from jaxtyping import Array

from vitlab.models.layers.backend import prefers_reformulation
from vitlab.models.layers.rematerialise import Run, run_again


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
        return jax.jit(run_again(run) if reformulated else jax.checkpoint(run))
    return jax.jit(run)
