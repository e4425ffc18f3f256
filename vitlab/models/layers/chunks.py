"""A batch in chunks whose intermediate results stay in the processor's cache."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Batch = Float[Array, "batch *shape"]
Results = Float[Array, "batch *other"]

NUMBERS = 2**21  # a chunk's inputs, or outputs; 8 MB in float32


def chunk_count(batch: int, numbers: int) -> int:
    """The fewest equal chunks of a batch, with `numbers` for each example, that are small enough.

    One, where a batch is spread over devices: a loop over it would bring it together again.
    """
    if jax.device_count() > 1:
        return 1
    fitting = [count for count in range(1, batch + 1) if batch % count == 0]
    return next((count for count in fitting if batch // count * numbers <= NUMBERS), batch)


def map_chunks(function: Callable[[Batch], Results], batch: Batch, count: int) -> Results:
    """What `function` makes of each chunk, joined."""
    if count == 1:
        return function(batch)
    results = lax.map(function, _cut(batch, count))
    return results.reshape(len(batch), *results.shape[2:])


def sum_chunks(
    function: Callable[[Batch, Results], Array], one: Batch, other: Results, count: int
) -> Array:
    """The sum of what `function` makes of each pair of chunks."""
    if count == 1:
        return function(one, other)
    chunks = (_cut(one, count), _cut(other, count))
    zeros = jnp.zeros_like(jax.eval_shape(function, *(parts[0] for parts in chunks)))
    return lax.scan(lambda total, pair: (total + function(*pair), None), zeros, chunks)[0]


def _cut(batch: Batch, count: int) -> Float[Array, "count part *shape"]:
    return batch.reshape(count, -1, *batch.shape[1:])
