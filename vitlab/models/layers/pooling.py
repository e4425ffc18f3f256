"""Pooling of NHWC maps, in the formulation that the backend runs well."""

from collections.abc import Iterator
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int8

from vitlab.models.layers.backend import prefers_reformulation
from vitlab.models.layers.convolution import Padding, padding_amounts
from vitlab.models.layers.shapes import Maps
from vitlab.models.layers.windows import Amounts, sum_over_windows

Pooled = Float[Array, "batch rows columns channels"]
Winners = Int8[Array, "batch rows columns channels"]  # positions in the windows


def max_pool(maps: Maps, *, window: int, stride: int, padding: Padding = "valid") -> Pooled:
    """The highest value of each window; what `padding` adds (see `convolve`) never wins.

    Of equal values the first has won, and gets the whole gradient. On CPU it is the maximum of shifted
    copies: XLA runs `reduce_window` and its gradient far slower there.
    """
    amounts = padding_amounts(maps.shape[1:3], (window, window), stride, padding)
    if prefers_reformulation():
        return _highest(maps, maps.shape[1:3], window, stride, amounts)
    return max_pool_reference(maps, window=window, stride=stride, amounts=amounts)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _highest(maps: Maps, size: tuple[int, int], window: int, stride: int, amounts: Amounts) -> Pooled:
    del size  # only the way back needs it
    padded = jnp.pad(maps, ((0, 0), *amounts, (0, 0)), constant_values=-jnp.inf)
    return reduce(jnp.maximum, _shifted(padded, window, stride))


def _highest_forward(
    maps: Maps, size: tuple[int, int], window: int, stride: int, amounts: Amounts
) -> tuple[Pooled, Winners]:
    del size
    padded = jnp.pad(maps, ((0, 0), *amounts, (0, 0)), constant_values=-jnp.inf)
    first, *others = _shifted(padded, window, stride)
    highest, winner = first, jnp.zeros(first.shape, jnp.int8)
    for position, values in enumerate(others, start=1):
        winner = jnp.where(values > highest, jnp.int8(position), winner)
        highest = jnp.maximum(values, highest)
    return highest, winner


def _highest_backward(
    size: tuple[int, int],
    window: int,
    stride: int,
    amounts: Amounts,
    winner: Winners,
    gradient: Pooled,
) -> tuple[Maps]:
    def contribution(row: int, column: int, slopes: Array, winner: Array) -> Array:
        return jnp.where(winner == row * window + column, slopes, 0)

    extents = (window, window)
    return (sum_over_windows(contribution, (gradient, winner), size, extents, stride, amounts),)


_highest.defvjp(_highest_forward, _highest_backward)


def max_pool_reference(maps: Maps, *, window: int, stride: int, amounts: Amounts) -> Pooled:
    """As XLA writes it."""
    sizes, strides = (1, window, window, 1), (1, stride, stride, 1)
    return lax.reduce_window(maps, -jnp.inf, lax.max, sizes, strides, ((0, 0), *amounts, (0, 0)))


def average_pool(maps: Maps, *, window: int, include_padding: bool) -> Maps:
    """The mean around each position, over the window's positions inside the maps.

    With `include_padding` the zeros outside count too, as PyTorch has it unless it is told otherwise.
    On CPU it is a sum of shifted copies.
    """
    if not prefers_reformulation():
        return average_pool_reference(maps, window=window, include_padding=include_padding)
    amounts = padding_amounts(maps.shape[1:3], (window, window), 1, "symmetric")
    padded = jnp.pad(maps, ((0, 0), *amounts, (0, 0)))
    return reduce(jnp.add, _shifted(padded, window, 1)) * _share(maps, window, include_padding)


def average_pool_reference(maps: Maps, *, window: int, include_padding: bool) -> Maps:
    """As XLA writes it."""
    amounts = padding_amounts(maps.shape[1:3], (window, window), 1, "symmetric")
    # Were it traced, JAX would not see that this is a sum, and would know no gradient of it.
    zero = np.zeros((), maps.dtype)
    sizes, strides = (1, window, window, 1), (1, 1, 1, 1)
    sums = lax.reduce_window(maps, zero, lax.add, sizes, strides, ((0, 0), *amounts, (0, 0)))
    return sums * _share(maps, window, include_padding)


def _share(maps: Maps, window: int, include_padding: bool) -> Float[Array, "height width 1"]:
    """One over the number of positions that count at each place."""
    if include_padding:
        return jnp.full((*maps.shape[1:3], 1), 1 / window**2, maps.dtype)
    reach = window // 2
    rows, columns = (
        np.minimum(np.arange(length) + reach, length - 1) - np.maximum(np.arange(length) - reach, 0) + 1
        for length in maps.shape[1:3]
    )
    return jnp.asarray(1 / np.outer(rows, columns)[..., None], maps.dtype)


def _shifted(
    padded: Float[Array, "batch padded_height padded_width channels"], window: int, stride: int
) -> Iterator[Pooled]:
    """What each position of the window sees."""
    height, width = ((length - window) // stride * stride + 1 for length in padded.shape[1:3])
    for row in range(window):
        for column in range(window):
            yield padded[:, row : row + height : stride, column : column + width : stride]


def block_average(maps: Maps, size: int) -> Pooled:
    """The mean of each block of size x size positions; what is left over at the end is cut off."""
    batch, height, width, channels = maps.shape
    rows, columns = height // size, width // size
    blocks = maps[:, : rows * size, : columns * size]
    return blocks.reshape(batch, rows, size, columns, size, channels).mean(axis=(2, 4))


def adaptive_average_pool(maps: Maps, size: int) -> Pooled:
    """Means over size x size bins that overlap where they must, as PyTorch cuts them."""
    rows, columns = (_bins(length, size).astype(maps.dtype) for length in maps.shape[1:3])
    return jnp.einsum("bhwc,ih,jw->bijc", maps, rows, columns)


def _bins(length: int, bins: int) -> np.ndarray:
    """[bins, length]: row i averages positions floor(i l / b) to ceil((i + 1) l / b)."""
    weights = np.zeros((bins, length), np.float32)
    for index in range(bins):
        first, end = index * length // bins, -(-(index + 1) * length // bins)
        weights[index, first:end] = 1 / (end - first)
    return weights
