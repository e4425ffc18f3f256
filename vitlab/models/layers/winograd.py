"""3x3 convolutions of stride 1 by Winograd's minimal filtering (Lavin and Gray 2016).

An output tile of t x t positions comes from an input tile of t + 2: both sides are transformed so that
the sum over channels is one product per position of the input tile, (t + 2)^2 instead of 9 t^2. With
t = 4 that is a quarter of the multiplications, with t = 2 four ninths. The transforms are small
constant matrices. A kernel meets them in one product; maps meet them first in their rows and then in
their columns, where each new position is a weighted sum of slices, all positions of a tile in one
array. So a convolution is a handful of loops for XLA to compile; an array for each position would be
eighty.
"""

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from vitlab.models.layers.shapes import Maps
from vitlab.models.layers.unfused import unfused
from vitlab.models.layers.windows import Amounts, Padded

Tile = Literal[2, 4]

Outputs = Float[Array, "batch rows columns features"]
Kernel = Float[Array, "3 3 channels features"]
# For each position of a transformed tile what the kernel weighs there.
Weights = Float[Array, "positions channels features"]
# The transformed tiles, by their position, their row (of all images), their column.
Tiles = Float[Array, "tile_rows tile_columns down across channels"]
Lines = Float[Array, "tile_rows down line channels"]


@dataclass(frozen=True)
class Transforms:
    """The matrices B^T, G and A^T of the paper's sections 4.1 and 4.3."""

    image: np.ndarray  # [t + 2, t + 2]
    kernel: np.ndarray  # [t + 2, 3]
    output: np.ndarray  # [t, t + 2]


TRANSFORMS: dict[Tile, Transforms] = {
    2: Transforms(
        image=np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
        kernel=np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2,
        output=np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
    ),
    4: Transforms(
        image=np.array(
            [
                [4, 0, -5, 0, 1, 0],
                [0, -4, -4, 1, 1, 0],
                [0, 4, -4, -1, 1, 0],
                [0, -2, -1, 2, 1, 0],
                [0, 2, -1, -2, 1, 0],
                [0, 4, 0, -5, 0, 1],
            ]
        ),
        kernel=np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24,
        output=np.array(
            [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
        ),
    ),
}


def transform_kernel(kernel: Kernel, tile: Tile) -> Weights:
    """What the kernel weighs at each position of a transformed tile, row after row."""
    return _both_ways(TRANSFORMS[tile].kernel, kernel)


def convolve_by_tiles(maps: Maps, weights: Weights, amounts: Amounts, tile: Tile) -> Outputs:
    """The convolution of `maps`, padded by `amounts`, with the kernel that gave the `weights`.

    In float32 the relative error is about 2e-6 for tiles of 2, and 1e-5 for tiles of 4. The
    transformed tiles take 2.25 times the memory of the maps (tiles of 4) or 4 times (tiles of 2), and so
    do their products of the outputs'.
    """
    matrix = TRANSFORMS[tile].output
    rows, columns = _output_size(maps, amounts)
    tiles = _image_tiles(maps, amounts, tile)

    def output_lines(products: Tiles) -> Lines:
        lines = _combine(matrix, _along(products, 1), axis=3)
        return lines.reshape(*lines.shape[:2], -1, lines.shape[-1])

    products = (_flat(tiles) @ weights).reshape(*tiles.shape[:-1], -1)
    lines = unfused(output_lines, products)
    outputs = _combine(matrix, _along(lines, 0), axis=1)
    return outputs.reshape(len(maps), -1, *outputs.shape[2:])[:, :rows, :columns]


def gradients(
    maps: Maps, gradient: Outputs, weights: Weights, amounts: Amounts, tile: Tile
) -> tuple[Maps, Kernel]:
    """What `gradient` of the outputs is to the maps and to the kernel.

    The transforms, transposed, in reverse; both begin with the same transformed slopes. The relative
    errors are those of the convolution.
    """
    tiles = _image_tiles(maps, amounts, tile)
    slopes = _output_slopes(gradient, tile)
    by_image = (_flat(slopes) @ weights.mT).reshape(tiles.shape)
    by_kernel = _flat(tiles).mT @ _flat(slopes)
    kernel_gradient = _both_ways(TRANSFORMS[tile].kernel.T, by_kernel)
    return (
        _image_gradient(by_image, maps.shape, amounts, tile),
        kernel_gradient.reshape(3, 3, *kernel_gradient.shape[1:]),
    )


def _image_tiles(maps: Maps, amounts: Amounts, tile: Tile) -> Tiles:
    """The transformed input tiles."""
    fill = [
        (before, after + -length % tile)
        for (before, after), length in zip(amounts, _output_size(maps, amounts), strict=True)
    ]
    return _transformed(maps, fill, TRANSFORMS[tile].image, tile)


def _output_slopes(gradient: Outputs, tile: Tile) -> Tiles:
    """The slopes of the products."""
    fill = [(0, -length % tile) for length in gradient.shape[1:3]]
    return _transformed(gradient, fill, TRANSFORMS[tile].output.T, tile)


def _transformed(maps: Maps, fill: Sequence[tuple[int, int]], matrix: np.ndarray, tile: Tile) -> Tiles:
    """matrix @ each tile @ matrix.T; a tile reaches over as many positions as the matrix has columns,
    the next begins `tile` positions further."""
    reach = matrix.shape[1]

    def tile_rows(padded: Padded) -> Float[Array, "down tile_rows line channels"]:
        rows = [row.reshape(-1, *row.shape[2:]) for row in _every(padded, tile, 1, reach)]
        return _combine(matrix, rows, axis=1)

    def tiles(rows: Float[Array, "down tile_rows line channels"]) -> Tiles:
        lines = rows.swapaxes(0, 1)  # they were written beside each other, as they are read together
        return _combine(matrix, _every(lines, tile, 2, reach), axis=1)

    padded = jnp.pad(maps, ((0, 0), *fill, (0, 0)))
    return unfused(tiles, unfused(tile_rows, padded))


def _image_gradient(slopes: Tiles, shape: tuple[int, ...], amounts: Amounts, tile: Tile) -> Maps:
    """What the slopes of the transformed input tiles are to maps of this shape."""
    matrix = TRANSFORMS[tile].image.T
    batch, height, width, _ = shape
    (top, _), (left, _) = amounts

    def gradient_lines(slopes: Tiles) -> Lines:
        return _overlap(matrix, _along(slopes, 1), tile, axis=2)

    lines = unfused(gradient_lines, slopes)
    rows = [line.reshape(batch, -1, *line.shape[1:]) for line in lines]
    return _overlap(matrix, rows, tile, axis=1)[:, top : top + height, left : left + width]


def _overlap(matrix: np.ndarray, arrays: Sequence[Array], tile: Tile, axis: int) -> Array:
    """Combines the arrays, which have an entry for each tile along the axis, to all positions of the
    tiles; the last two positions of a tile lie on the first two of the next."""
    own = _combine(matrix[:tile], arrays, axis + 1)
    beyond = _combine(matrix[tile:], arrays, axis + 1)
    sums = _filled(own, {axis: (0, 1)}) + _filled(beyond, {axis: (1, 0), axis + 1: (0, tile - 2)})
    return sums.reshape(*sums.shape[:axis], -1, *sums.shape[axis + 2 :])


def _filled(array: Array, amounts: dict[int, tuple[int, int]]) -> Array:
    fill = [(*amounts.get(axis, (0, 0)), 0) for axis in range(array.ndim)]
    return lax.pad(array, jnp.zeros((), array.dtype), fill)


def _output_size(maps: Maps, amounts: Amounts) -> tuple[int, int]:
    rows, columns = (
        length + before + after - 2
        for length, (before, after) in zip(maps.shape[1:3], amounts, strict=True)
    )
    return rows, columns


def _every(array: Array, tile: int, axis: int, reach: int) -> list[Array]:
    """For each of the `reach` positions along an axis of a tile, that position of all tiles."""
    tiles = (array.shape[axis] - reach) // tile + 1
    return [
        lax.slice_in_dim(array, first, first + (tiles - 1) * tile + 1, tile, axis)
        for first in range(reach)
    ]


def _along(array: Array, axis: int) -> list[Array]:
    return [lax.index_in_dim(array, index, axis, keepdims=False) for index in range(array.shape[axis])]


def _flat(tiles: Tiles) -> Float[Array, "positions tiles channels"]:
    rows, columns, *_, channels = tiles.shape
    return tiles.reshape(rows * columns, -1, channels)


def _both_ways(
    matrix: np.ndarray, grid: Float[Array, "*grid channels features"]
) -> Float[Array, "positions channels features"]:
    """matrix @ grid @ matrix.T, where the grid's positions are in two axes or in one."""
    product = jnp.asarray(np.kron(matrix, matrix), grid.dtype) @ grid.reshape(matrix.shape[1] ** 2, -1)
    return product.reshape(-1, *grid.shape[-2:])


def _combine(matrix: np.ndarray, arrays: Sequence[Array], axis: int) -> Array:
    """Along a new axis, for each row of the matrix the sum of the arrays that it weighs.

    The weights are numbers in memory, zeros and ones, too: so it is one loop for all rows.
    """
    shape = [1] * (arrays[0].ndim + 1)
    shape[axis] = len(matrix)
    terms = (
        jnp.asarray(weights, array.dtype).reshape(shape) * jnp.expand_dims(array, axis)
        for weights, array in zip(matrix.T, arrays, strict=True)
    )
    return functools.reduce(operator.add, terms)
