"""Depthwise convolutions as sums of shifted products, and their gradients alike.

XLA's CPU backend runs `lax.conv` up to 100 times slower on them.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from vitlab.models.layers.shapes import Maps
from vitlab.models.layers.windows import Amounts, Padded, output_size, pad, sum_over_windows, window_at

Outputs = Float[Array, "batch rows columns channels"]
Kernel = Float[Array, "kernel_height kernel_width 1 channels"]
Operands = tuple[Maps, Kernel]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolve_depthwise(maps: Maps, kernel: Kernel, stride: int, amounts: Amounts) -> Outputs:
    """The maps, padded by `amounts`, under a kernel of its own for each channel."""
    padded = pad(maps, amounts)
    rows, columns = output_size(padded, kernel.shape[:2], stride)
    total = None
    for row in range(kernel.shape[0]):
        for column in range(kernel.shape[1]):
            window = window_at(padded, row, column, rows, columns, stride)
            product = window * kernel[row, column, 0]
            total = product if total is None else total + product
    assert total is not None
    return total


def _forward(maps: Maps, kernel: Kernel, stride: int, amounts: Amounts) -> tuple[Outputs, Operands]:
    return convolve_depthwise(maps, kernel, stride, amounts), (maps, kernel)


@partial(jax.jit, static_argnums=(0, 1))  # traced once for all convolutions of a shape
def _backward(stride: int, amounts: Amounts, residuals: Operands, gradient: Outputs) -> Operands:
    maps, kernel = residuals
    image_gradient = sum_over_windows(
        lambda row, column, slopes: slopes * kernel[row, column, 0],
        (gradient,),
        maps.shape[1:3],
        kernel.shape[:2],
        stride,
        amounts,
    )
    return image_gradient, _kernel_gradient(gradient, pad(maps, amounts), kernel, stride)


convolve_depthwise.defvjp(_forward, _backward)


def _kernel_gradient(gradient: Outputs, padded: Padded, kernel: Kernel, stride: int) -> Kernel:
    """A loop over output rows with one running sum per kernel position, which stay in the cache."""
    batch, rows, columns, channels = gradient.shape
    height, width = kernel.shape[:2]
    positions = [(row, column) for row in range(height) for column in range(width)]

    def add_row(index, sums):
        line = lax.dynamic_slice_in_dim(gradient, index, 1, axis=1)[:, 0]
        lines = lax.dynamic_slice_in_dim(padded, index * stride, height, axis=1)
        last = (columns - 1) * stride
        return tuple(
            total
            + line
            * lax.slice(
                lines[:, row], (0, column, 0), (batch, column + last + 1, channels), (1, stride, 1)
            )
            for total, (row, column) in zip(sums, positions, strict=True)
        )

    zeros = tuple(jnp.zeros((batch, columns, channels), gradient.dtype) for _ in positions)
    sums = lax.fori_loop(0, rows, add_row, zeros, unroll=min(4, rows))
    return jnp.stack([total.sum((0, 1)) for total in sums]).reshape(kernel.shape)
