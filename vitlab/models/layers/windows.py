"""What each position of a kernel sees of an image: shifted copies of it, every stride-th pixel."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Shaped

from vitlab.models.layers.shapes import Maps

Amounts = tuple[tuple[int, int], tuple[int, int]]  # before and after, of rows and of columns

Padded = Shaped[Array, "batch padded_height padded_width channels"]
Window = Shaped[Array, "batch rows columns channels"]


def pad(maps: Maps, amounts: Amounts) -> Padded:
    """Zeros around the maps."""
    return jnp.pad(maps, ((0, 0), *amounts, (0, 0)))


def output_size(padded: Padded, extents: tuple[int, ...], stride: int) -> tuple[int, int]:
    """How often a kernel of this extent fits into the rows and the columns."""
    rows, columns = (
        (length - extent) // stride + 1
        for length, extent in zip(padded.shape[1:3], extents, strict=True)
    )
    return rows, columns


def window_at(padded: Padded, row: int, column: int, rows: int, columns: int, stride: int) -> Window:
    """What the kernel position (row, column) sees: every stride-th pixel from there on."""
    batch, _, _, channels = padded.shape
    return lax.slice(
        padded,
        (0, row, column, 0),
        (batch, row + (rows - 1) * stride + 1, column + (columns - 1) * stride + 1, channels),
        (1, stride, stride, 1),
    )


def sum_over_windows(
    contribution: Callable[..., Window],
    arrays: tuple[Window, ...],
    size: tuple[int, ...],
    extents: tuple[int, ...],
    stride: int,
    amounts: Amounts,
) -> Maps:
    """The way back from outputs to maps of `size`: each pixel sums over the outputs that saw it.

    `contribution(row, column, *arrays)` is what an output gives to the pixel that the kernel's position
    (row, column) met; it must be zero where the arrays are.

    Pixel stride * q + phase of the padded image met the kernel at phase, phase + stride, ... So each
    phase is a sum on the small grid, and the phases interleave.
    """
    (top, bottom), (left, right) = amounts
    height, width = size
    batch, *_, channels = arrays[0].shape
    grid = (-(-(height + top + bottom) // stride), -(-(width + left + right) // stride))
    reach = tuple((extent - 1) // stride for extent in extents)
    fill = [
        (before, extent - length)
        for before, extent, length in zip(reach, grid, arrays[0].shape[1:3], strict=True)
    ]
    padded = [jnp.pad(array, ((0, 0), *fill, (0, 0))) for array in arrays]

    def phase(row_phase: int, column_phase: int) -> Window:
        total = jnp.zeros((batch, *grid, channels), arrays[0].dtype)
        for row in range(row_phase, extents[0], stride):
            for column in range(column_phase, extents[1], stride):
                start = (reach[0] - row // stride, reach[1] - column // stride)
                windows = (window_at(array, *start, *grid, 1) for array in padded)
                total = total + contribution(row, column, *windows)
        return total

    lines = [
        interleave([phase(row, column) for column in range(stride)], axis=2) for row in range(stride)
    ]
    return interleave(lines, axis=1)[:, top : top + height, left : left + width]


def interleave(arrays: Sequence[Array], axis: int) -> Array:
    """The first entry of each along the axis, then the second of each, ..."""
    if len(arrays) == 1:
        return arrays[0]
    shape = list(arrays[0].shape)
    shape[axis] *= len(arrays)
    return jnp.stack(arrays, axis=axis + 1).reshape(shape)
