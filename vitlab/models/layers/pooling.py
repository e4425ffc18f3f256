"""Pooling of NHWC maps, in the formulation that the backend runs well."""

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

Maps = Float[Array, "batch height width channels"]
Pooled = Float[Array, "batch rows columns channels"]


def max_pool(maps: Maps, *, window: int, stride: int, padding: int = 0) -> Pooled:
    """The highest value of each window; `padding` positions on every side never win.

    On CPU it is the maximum of shifted copies, whose gradient XLA runs far better than that of
    `reduce_window`.
    """
    if jax.default_backend() != "cpu":
        return max_pool_reference(maps, window=window, stride=stride, padding=padding)
    fill = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    padded = jnp.pad(maps, fill, constant_values=-jnp.inf)
    height, width = ((length - window) // stride * stride + 1 for length in padded.shape[1:3])
    shifted = (
        padded[:, row : row + height : stride, column : column + width : stride]
        for row in range(window)
        for column in range(window)
    )
    return reduce(jnp.maximum, shifted)


def max_pool_reference(maps: Maps, *, window: int, stride: int, padding: int = 0) -> Pooled:
    """As XLA writes it."""
    amounts = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    sizes, strides = (1, window, window, 1), (1, stride, stride, 1)
    return lax.reduce_window(maps, -jnp.inf, lax.max, sizes, strides, amounts)


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
