"""A batch in chunks, so that what is computed of each has bounded memory, or in halves side by side."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Shaped

from vitlab.models.layers.backend import prefers_reformulation

Batch = Float[Array, "batch *shape"]
Results = Float[Array, "batch *other"]

# A chunk's inputs, or outputs; 32 MB in float32. Of a quarter of that more would stay in the cache, but
# a loop over chunks copies what each gives by one core alone, which takes as long.
NUMBERS = 2**23
LEAST_HALVED = 8  # examples; fewer are not worth a longer program


def chunk_count(batch: int, numbers: int) -> int:
    """The fewest equal chunks of a batch, with `numbers` for each example, that are small enough.

    One, where a batch is spread over devices: a loop over it would bring it together again.
    """
    if jax.device_count() > 1:
        return 1
    fitting = [count for count in range(1, batch + 1) if batch % count == 0]
    return next((count for count in fitting if batch // count * numbers <= NUMBERS), batch)


def in_halves(
    function: Callable[[Array], Array], batch: Shaped[Array, "batch *shape"]
) -> Shaped[Array, "batch *other"]:
    """What `function` makes of a batch, the two halves of which XLA's CPU backend may run side by side.

    Neither waits for the other, so what one core alone can work on in one half (a small sum, a layout
    that changes) costs no time where the other half has work for the others; and half as much lies in
    the caches. On two cores of an Intel Xeon MobileNetV2 answers a fifth faster, ViT-Ti 15 %,
    EfficientNet-B0 10 %, VGG-16 4 % slower, five others up to 4 % faster; on an AMD EPYC ViT-Ti 14 %
    faster, Inception v3 4 %, VGG-16, CvT-13 and Xception 6 to 11 % slower, the others as fast. They
    compile 1.2 to 1.9 times as long, being traced once, but twice in the program. So only those that
    gained a tenth on one of the two machines ask for it, and the other ViTs, which are built alike
    (`Backbone.halved`). Call it within a jitted function, or each call compiles anew.
    A batch that is spread over devices stays whole, as in `chunk_count`.
    """
    half, rest = divmod(len(batch), 2)
    if rest or len(batch) < LEAST_HALVED or jax.device_count() > 1 or not prefers_reformulation():
        return function(batch)
    once = jax.jit(function)  # traced at the first of its two calls
    return jnp.concatenate([once(batch[:half]), once(batch[half:])])


def map_chunks(function: Callable[[Batch], Results], batch: Batch, count: int) -> Results:
    """What `function` makes of each chunk, joined."""
    if count == 1:
        return function(batch)
    results = lax.map(function, _cut(batch, count))
    return results.reshape(len(batch), *results.shape[2:])


def map_and_sum_chunks(
    function: Callable[[Batch, Results], tuple[Array, Array]], one: Batch, other: Results, count: int
) -> tuple[Array, Array]:
    """Of what `function` makes of each pair of chunks, the first joined and the second summed."""
    if count == 1:
        return function(one, other)
    chunks = (_cut(one, count), _cut(other, count))
    _, summand = jax.eval_shape(function, *(parts[0] for parts in chunks))

    def add(total: Array, pair: tuple[Array, Array]) -> tuple[Array, Array]:
        results, summand = function(*pair)
        return total + summand, results

    total, results = lax.scan(add, jnp.zeros_like(summand), chunks)
    return results.reshape(len(one), *results.shape[2:]), total


def _cut(batch: Batch, count: int) -> Float[Array, "count part *shape"]:
    return batch.reshape(count, -1, *batch.shape[1:])
