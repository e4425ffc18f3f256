"""3x3 convolutions with stride 1 in fewer products (Lavin and Gray 2016, "Fast Algorithms for
Convolutional Neural Networks").

A tile of m x m outputs depends on a window of (m + 2) x (m + 2) inputs. In a transformed space each
window is multiplied position by position: (m + 2)^2 products for m^2 outputs, where the plain sum
needs 9 m^2. Over all windows and channels, each position is one matrix product. The relative error
is about 2e-6 for m = 2 and 1e-5 for m = 4 (float32).

The transforms are written as sums of slices: XLA's CPU backend fuses those, and runs them several
times faster than products with the small matrices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

Amounts = tuple[tuple[int, int], tuple[int, int]]
Images = Float[Array, "batch height width in_features"]
Outputs = Float[Array, "batch rows columns features"]
Kernel = Float[Array, "3 3 in_features features"]
Padded = Float[Array, "batch padded_height padded_width channels"]


@dataclass(frozen=True)
class Transforms:
    """Section 4.1 of the paper: `window` is its B^T, `kernel` its G, `output` its A^T."""

    window: np.ndarray
    kernel: np.ndarray
    output: np.ndarray


TRANSFORMS = {
    2: Transforms(
        np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
        np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]),
        np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
    ),
    4: Transforms(
        np.array(
            [
                [4, 0, -5, 0, 1, 0],
                [0, -4, -4, 1, 1, 0],
                [0, 4, -4, -1, 1, 0],
                [0, -2, -1, 2, 1, 0],
                [0, 2, -1, -2, 1, 0],
                [0, 4, 0, -5, 0, 1],
            ]
        ),
        np.array(
            [
                [1 / 4, 0, 0],
                [-1 / 6, -1 / 6, -1 / 6],
                [-1 / 6, 1 / 6, -1 / 6],
                [1 / 24, 1 / 12, 1 / 6],
                [1 / 24, -1 / 12, 1 / 6],
                [0, 0, 1],
            ]
        ),
        np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]),
    ),
}


def convolve_by_tiles(images: Images, kernel: Kernel, amounts: Amounts, tile: int) -> Outputs:
    """The convolution, `amounts` of zeros around the images, in tiles of `tile` outputs per side."""
    transforms = TRANSFORMS[tile]
    rows, columns = _output_size(images, amounts)
    windows = _transformed_windows(_padded(images, amounts, tile), transforms.window, tile)
    kernels = _transformed_kernel(kernel, transforms.kernel)
    products = [
        [window @ weights for window, weights in zip(line, weight_line, strict=True)]
        for line, weight_line in zip(windows, kernels, strict=True)
    ]
    return _assembled(products, transforms.output)[:, :rows, :columns]


def image_gradient(gradient: Outputs, kernel: Kernel, amounts: Amounts, tile: int) -> Images:
    """By the images: the convolution of the outputs' gradient with the kernel turned around."""
    (top, bottom), (left, right) = amounts
    turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    return convolve_by_tiles(gradient, turned, ((2 - top, 2 - bottom), (2 - left, 2 - right)), tile)


def kernel_gradient(images: Images, gradient: Outputs, amounts: Amounts, tile: int) -> Kernel:
    """By the kernel: every step of the convolution backwards, with the same transformed windows."""
    transforms = TRANSFORMS[tile]
    windows = _transformed_windows(_padded(images, amounts, tile), transforms.window, tile)
    height, width = gradient.shape[1:3]
    fill = ((0, 0), (0, -height % tile), (0, -width % tile), (0, 0))
    slopes = _transformed_windows(jnp.pad(gradient, fill), transforms.output.T, tile)
    by_position = [
        [
            window.reshape(-1, window.shape[-1]).T @ slope.reshape(-1, slope.shape[-1])
            for window, slope in zip(line, slope_line, strict=True)
        ]
        for line, slope_line in zip(windows, slopes, strict=True)
    ]
    back = transforms.kernel.T
    lines = [[_combined(row, line) for row in back] for line in by_position]
    return jnp.stack(
        [
            jnp.stack([_combined(row, list(column)) for column in zip(*lines, strict=True)])
            for row in back
        ]
    )


def _output_size(images: Images, amounts: Amounts) -> tuple[int, int]:
    rows, columns = (
        length + sum(amount) - 2 for length, amount in zip(images.shape[1:3], amounts, strict=True)
    )
    return rows, columns


def _padded(images: Images, amounts: Amounts, tile: int) -> Padded:
    """With the zeros of the convolution, and more behind them until the tiles are full."""
    fill = [
        (before, after + -rows % tile)
        for (before, after), rows in zip(amounts, _output_size(images, amounts), strict=True)
    ]
    return jnp.pad(images, ((0, 0), *fill, (0, 0)))


def _transformed_windows(padded: Padded, matrix: np.ndarray, tile: int) -> list[list[Array]]:
    """Position [k][l] of every window [batch, tiles down, tiles across, channels], both axes changed.

    A window begins every `tile` positions; it has as many as the matrix has columns.
    """
    height, width = padded.shape[1:3]
    extent = matrix.shape[1]
    down, across = (height - extent) // tile + 1, (width - extent) // tile + 1
    lines = [_every(padded, row, down, tile, axis=1) for row in range(extent)]
    # The barrier keeps XLA from computing each line again for every position that uses it.
    lines = lax.optimization_barrier([_combined(row, lines) for row in matrix])

    def columns(line: Array) -> list[Array]:
        return [_every(line, column, across, tile, axis=2) for column in range(extent)]

    return [[_combined(row, columns(line)) for row in matrix] for line in lines]


def _transformed_kernel(kernel: Kernel, matrix: np.ndarray) -> list[list[Array]]:
    lines = [[_combined(row, list(kernel[:, column])) for column in range(3)] for row in matrix]
    return [[_combined(row, line) for row in matrix] for line in lines]


def _assembled(products: list[list[Array]], matrix: np.ndarray) -> Outputs:
    """The outputs of all tiles in their places."""
    batch, down, across, features = products[0][0].shape
    tile = len(matrix)
    lines = [
        jnp.stack([_combined(row, line) for row in matrix], axis=3).reshape(
            batch, down, across * tile, features
        )
        for line in products
    ]
    lines = lax.optimization_barrier(lines)
    return jnp.stack([_combined(row, lines) for row in matrix], axis=2).reshape(
        batch, down * tile, across * tile, features
    )


def _every(array: Array, first: int, count: int, step: int, axis: int) -> Array:
    return lax.slice_in_dim(array, first, first + (count - 1) * step + 1, step, axis)


def _combined(factors: np.ndarray, arrays: Sequence[Array]) -> Array:
    """The sum of `arrays`, each times its factor; factors of 0 and 1 cost nothing."""
    total: Array | None = None
    for factor, array in zip(factors.tolist(), arrays, strict=True):
        if factor == 0:
            continue
        term = array if factor == 1 else factor * array
        total = term if total is None else total + term
    assert total is not None
    return total
