"""Less memory for more time: a block's activations computed again where the backward pass needs them
(Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost")."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array

from vitlab.errors import InputError

# State and inputs of a block -> its outputs, and its statistics after it if they moved.
Run = Callable[[nnx.State, Array], tuple[Array, nnx.State]]


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


def run_again(run: Run) -> Run:
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
