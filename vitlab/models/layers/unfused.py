"""What XLA computes apart from what comes before and after it."""

from collections.abc import Callable

import jax
from jax.experimental.xla_metadata import set_xla_metadata
from jaxtyping import Array


def unfused(function: Callable[..., Array], *arrays: Array) -> Array:
    """What `function` makes of the arrays, each number of it computed once and written to memory.

    XLA fuses a chain of sums into one, and computes the first again for each of its uses in the second;
    on CPU an `optimization_barrier` is gone by the time it fuses. A call that it may not inline stays
    whole, and is divided over devices like what is around it; and so do calls of jitted functions
    within, of which jax.numpy has some. Use it within a jitted function, or each call compiles anew.
    """
    with set_xla_metadata(inlineable="false"):
        return jax.jit(function)(*arrays)
