"""Two-dimensional convolution of NHWC images, in the formulation that the backend runs well.

XLA's CPU backend runs `lax.conv` up to 100 times slower than PyTorch on depthwise kernels. There,
`convolve` writes a 1x1 kernel as a matrix product, a depthwise kernel as a sum of shifted products,
and the kernel gradient of any other convolution as one matrix product per kernel position. On GPU
and TPU it is `lax.conv`, which also stays as the reference that the tests compare with.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Padding = Literal["tensorflow", "symmetric", "valid"]
Amounts = tuple[tuple[int, int], tuple[int, int]]

Images = Float[Array, "batch height width channels"]
Outputs = Float[Array, "batch rows columns features"]
Kernel = Float[Array, "kernel_height kernel_width in_features features"]
Padded = Float[Array, "batch padded_height padded_width channels"]


def convolve(
    images: Images, kernel: Kernel, *, stride: int = 1, padding: Padding | int, groups: int = 1
) -> Outputs:
    """Cross-correlates `images` with `kernel`, as every deep-learning library does.

    Padding "tensorflow" keeps ceil(size / stride) positions and pads the odd row or column at the
    end (TensorFlow's SAME); "symmetric" pads half the kernel on both sides (PyTorch's usual choice);
    "valid" pads nothing. A number is the positions to pad on every side.
    `groups` is 1, or the number of channels for a depthwise kernel of one feature per channel.
    """
    amounts = padding_amounts(images.shape[1:3], kernel.shape[:2], stride, padding)
    if jax.default_backend() != "cpu":
        return convolve_reference(images, kernel, stride, amounts, groups)
    if groups > 1 and groups == images.shape[-1] == kernel.shape[-1]:
        return _depthwise(images, kernel, stride, amounts)
    if groups == 1 and kernel.shape[:2] == (1, 1) and amounts == ((0, 0), (0, 0)):
        return images[:, ::stride, ::stride] @ kernel[0, 0]
    if groups == 1:
        return _dense(images, kernel, stride, amounts)
    return convolve_reference(images, kernel, stride, amounts, groups)


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
    images: Images, kernel: Kernel, stride: int, amounts: Amounts, groups: int = 1
) -> Outputs:
    """The convolution as XLA writes it; every other formulation equals this one."""
    return lax.conv_general_dilated(
        images,
        kernel,
        (stride, stride),
        amounts,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


# ---------------------------------------------------------------------------- depthwise kernels


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _depthwise(images: Images, kernel: Kernel, stride: int, amounts: Amounts) -> Outputs:
    padded = _pad(images, amounts)
    rows, columns = _output_size(padded, kernel, stride)
    total = None
    for row in range(kernel.shape[0]):
        for column in range(kernel.shape[1]):
            window = _window(padded, row, column, rows, columns, stride)
            product = window * kernel[row, column, 0]
            total = product if total is None else total + product
    assert total is not None
    return total


def _depthwise_forward(images, kernel, stride, amounts):
    return _depthwise(images, kernel, stride, amounts), (images, kernel)


def _depthwise_backward(stride, amounts, residuals, gradient):
    images, kernel = residuals
    return (
        _depthwise_image_gradient(gradient, kernel, images.shape, stride, amounts),
        _depthwise_kernel_gradient(gradient, _pad(images, amounts), kernel, stride),
    )


_depthwise.defvjp(_depthwise_forward, _depthwise_backward)


def _depthwise_image_gradient(gradient, kernel, shape, stride, amounts):
    """Position stride * q + phase of the padded image met the kernel at phase, phase + stride, ...

    So each phase is a sum of shifted products on the small grid, and the phases interleave.
    """
    (top, bottom), (left, right) = amounts
    batch, height, width, channels = shape
    kernel_height, kernel_width = kernel.shape[:2]
    grid = (-(-(height + top + bottom) // stride), -(-(width + left + right) // stride))
    reach = ((kernel_height - 1) // stride, (kernel_width - 1) // stride)
    fill = [
        (before, extent - length)
        for before, extent, length in zip(reach, grid, gradient.shape[1:3], strict=True)
    ]
    padded = jnp.pad(gradient, ((0, 0), *fill, (0, 0)))

    def phase(row_phase: int, column_phase: int):
        total = jnp.zeros((batch, *grid, channels), gradient.dtype)
        for row in range(row_phase, kernel_height, stride):
            for column in range(column_phase, kernel_width, stride):
                start_row = reach[0] - row // stride
                start_column = reach[1] - column // stride
                window = _window(padded, start_row, start_column, *grid, 1)
                total = total + window * kernel[row, column, 0]
        return total

    if stride == 1:
        full = phase(0, 0)
    else:
        lines = [
            jnp.stack([phase(row, column) for column in range(stride)], axis=3).reshape(
                batch, grid[0], grid[1] * stride, channels
            )
            for row in range(stride)
        ]
        full = jnp.stack(lines, axis=2).reshape(batch, grid[0] * stride, grid[1] * stride, channels)
    return full[:, top : top + height, left : left + width]


def _depthwise_kernel_gradient(gradient, padded, kernel, stride):
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


# -------------------------------------------------------------------------------- dense kernels


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _dense(images: Images, kernel: Kernel, stride: int, amounts: Amounts) -> Outputs:
    return convolve_reference(images, kernel, stride, amounts)


def _dense_forward(images, kernel, stride, amounts):
    return _dense(images, kernel, stride, amounts), (images, kernel)


def _dense_backward(stride, amounts, residuals, gradient):
    images, kernel = residuals
    _, pull_back = jax.vjp(lambda x: convolve_reference(x, kernel, stride, amounts), images)
    (image_gradient,) = pull_back(gradient)
    padded = _pad(images, amounts)
    rows, columns = gradient.shape[1:3]
    windows = [
        _window(padded, row, column, rows, columns, stride)
        for row in range(kernel.shape[0])
        for column in range(kernel.shape[1])
    ]
    columns_out = gradient.reshape(-1, gradient.shape[-1])
    if images.shape[-1] < 16:  # few channels: one product over all kernel positions together
        patches = jnp.concatenate(windows, axis=-1)
        kernel_gradient = patches.reshape(-1, patches.shape[-1]).T @ columns_out
    else:
        flat = [window.reshape(-1, window.shape[-1]) for window in windows]
        kernel_gradient = jnp.stack([window.T @ columns_out for window in flat])
    return image_gradient, kernel_gradient.reshape(kernel.shape)


_dense.defvjp(_dense_forward, _dense_backward)


# --------------------------------------------------------------------------------------- windows


def _pad(images: Images, amounts: Amounts) -> Padded:
    return jnp.pad(images, ((0, 0), *amounts, (0, 0)))


def _output_size(padded: Padded, kernel: Kernel, stride: int) -> tuple[int, int]:
    rows, columns = (
        (length - extent) // stride + 1
        for length, extent in zip(padded.shape[1:3], kernel.shape[:2], strict=True)
    )
    return rows, columns


def _window(
    padded: Padded, row: int, column: int, rows: int, columns: int, stride: int
) -> Float[Array, "batch rows columns channels"]:
    """What the kernel position (row, column) sees: every stride-th pixel from there on."""
    batch, _, _, channels = padded.shape
    return lax.slice(
        padded,
        (0, row, column, 0),
        (batch, row + (rows - 1) * stride + 1, column + (columns - 1) * stride + 1, channels),
        (1, stride, stride, 1),
    )
