"""Two-dimensional convolution of NHWC maps, in the formulation that the backend runs well.

XLA's CPU backend runs `lax.conv` up to 100 times slower than PyTorch on depthwise kernels. There,
`convolve` writes a 1x1 kernel, or one as large as the image, as a matrix product, a depthwise kernel as
a sum of shifted products, a 3x3 kernel by Winograd's algorithm, and the kernel gradient of any other
convolution as one matrix product per kernel position. On GPU and TPU it is `lax.conv`, which also
stays as the reference that the tests compare with.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from vitlab.models.layers import winograd
from vitlab.models.layers.backend import prefers_reformulation
from vitlab.models.layers.chunks import chunk_count, map_and_sum_chunks, map_chunks
from vitlab.models.layers.depthwise import convolve_depthwise
from vitlab.models.layers.product import multiply
from vitlab.models.layers.shapes import Maps
from vitlab.models.layers.windows import Amounts, pad, window_at

Padding = Literal["tensorflow", "symmetric", "valid"]

Outputs = Float[Array, "batch rows columns features"]
Kernel = Float[Array, "kernel_height kernel_width in_features features"]
Operands = tuple[Maps, Kernel]


def convolve(
    maps: Maps, kernel: Kernel, *, stride: int = 1, padding: Padding | int, groups: int = 1
) -> Outputs:
    """Cross-correlates `maps` with `kernel`, as every deep-learning library does.

    Padding "tensorflow" keeps ceil(size / stride) positions and pads the odd row or column at the
    end (TensorFlow's SAME); "symmetric" pads half the kernel on both sides (PyTorch's usual choice);
    "valid" pads nothing. A number is the positions to pad on every side.
    `groups` is 1, or the number of channels for a depthwise kernel of one feature per channel.
    """
    amounts = padding_amounts(maps.shape[1:3], kernel.shape[:2], stride, padding)
    depthwise = groups > 1 and groups == maps.shape[-1] == kernel.shape[-1]
    if not prefers_reformulation() or (groups > 1 and not depthwise):
        return convolve_reference(maps, kernel, stride, amounts, groups)
    if depthwise:
        return convolve_depthwise(maps, kernel, stride, amounts)
    if amounts == ((0, 0), (0, 0)):
        if kernel.shape[:2] == (1, 1):
            return multiply(maps[:, ::stride, ::stride], kernel[0, 0])
        if kernel.shape[:2] == maps.shape[1:3]:  # a dense layer over the whole image
            flat = multiply(maps.reshape(len(maps), -1), kernel.reshape(-1, kernel.shape[-1]))
            return flat[:, None, None]
    if tile := _tile(maps, kernel, stride, amounts):
        return _tiled(maps, kernel, amounts, tile)
    return _dense(maps, kernel, stride, amounts)


def padding_amounts(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: Padding | int
) -> Amounts:
    """Zeros to add (before, after) the rows and the columns of an image of `size`."""
    if isinstance(padding, int):
        return (padding, padding), (padding, padding)
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "symmetric":
        rows, columns = ((extent // 2, extent // 2) for extent in kernel)
        return rows, columns
    totals = [
        max((-(-length // stride) - 1) * stride + extent - length, 0)
        for length, extent in zip(size, kernel, strict=True)
    ]
    rows, columns = ((total // 2, total - total // 2) for total in totals)
    return rows, columns


def convolve_reference(
    maps: Maps, kernel: Kernel, stride: int, amounts: Amounts, groups: int = 1
) -> Outputs:
    """The convolution as XLA writes it; every other formulation equals this one."""
    return lax.conv_general_dilated(
        maps,
        kernel,
        (stride, stride),
        amounts,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


# ------------------------------------------------------------------------------------ by tiles


def _tile(maps: Maps, kernel: Kernel, stride: int, amounts: Amounts) -> winograd.Tile | None:
    """The tile that Winograd's algorithm is fastest with, or None where it is not faster.

    Small outputs waste too much of a tile, and few channels are no work for a matrix product. Half
    precision would lose what the transforms cancel.
    """
    fits = kernel.shape[:2] == (3, 3) and stride == 1 and max(max(pair) for pair in amounts) <= 2
    if not fits or min(kernel.shape[2:]) < 32 or maps.dtype.itemsize < 4:
        return None
    shortest = min(
        length + before + after - 2
        for length, (before, after) in zip(maps.shape[1:3], amounts, strict=True)
    )
    return 4 if shortest > 14 else 2 if shortest >= 4 else None


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
@partial(jax.jit, static_argnums=(2, 3))  # traced once for all convolutions of a shape
def _tiled(maps: Maps, kernel: Kernel, amounts: Amounts, tile: winograd.Tile) -> Outputs:
    weights = winograd.transform_kernel(kernel, tile)

    def outputs(maps: Maps) -> Outputs:
        return winograd.convolve_by_tiles(maps, weights, amounts, tile)

    return map_chunks(outputs, maps, _chunk_count(maps, kernel))


def _tiled_forward(
    maps: Maps, kernel: Kernel, amounts: Amounts, tile: winograd.Tile
) -> tuple[Outputs, Operands]:
    return _tiled(maps, kernel, amounts, tile), (maps, kernel)


@partial(jax.jit, static_argnums=(0, 1))
def _tiled_backward(
    amounts: Amounts, tile: winograd.Tile, residuals: Operands, gradient: Outputs
) -> Operands:
    maps, kernel = residuals
    weights = winograd.transform_kernel(kernel, tile)

    def gradients(maps: Maps, gradient: Outputs) -> Operands:
        return winograd.gradients(maps, gradient, weights, amounts, tile)

    return map_and_sum_chunks(gradients, maps, gradient, _chunk_count(maps, kernel))


def _chunk_count(maps: Maps, kernel: Kernel) -> int:
    batch, height, width, _ = maps.shape
    return chunk_count(batch, height * width * max(kernel.shape[2:]))


_tiled.defvjp(_tiled_forward, _tiled_backward)


# ------------------------------------------------------------------------------- other kernels


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _dense(maps: Maps, kernel: Kernel, stride: int, amounts: Amounts) -> Outputs:
    return convolve_reference(maps, kernel, stride, amounts)


def _dense_forward(
    maps: Maps, kernel: Kernel, stride: int, amounts: Amounts
) -> tuple[Outputs, Operands]:
    return _dense(maps, kernel, stride, amounts), (maps, kernel)


@partial(jax.jit, static_argnums=(0, 1))
def _dense_backward(stride: int, amounts: Amounts, residuals: Operands, gradient: Outputs) -> Operands:
    maps, kernel = residuals
    _, pull_back = jax.vjp(lambda x: convolve_reference(x, kernel, stride, amounts), maps)
    (image_gradient,) = pull_back(gradient)
    padded = pad(maps, amounts)
    rows, columns = gradient.shape[1:3]
    windows = [
        window_at(padded, row, column, rows, columns, stride)
        for row in range(kernel.shape[0])
        for column in range(kernel.shape[1])
    ]
    slopes = gradient.reshape(-1, gradient.shape[-1])
    if maps.shape[-1] < 16:  # few channels: one product over all kernel positions together
        patches = jnp.concatenate(windows, axis=-1)
        kernel_gradient = patches.reshape(-1, patches.shape[-1]).T @ slopes
    else:
        flat = [window.reshape(-1, window.shape[-1]) for window in windows]
        kernel_gradient = jnp.stack([window.T @ slopes for window in flat])
    return image_gradient, kernel_gradient.reshape(kernel.shape)


_dense.defvjp(_dense_forward, _dense_backward)
