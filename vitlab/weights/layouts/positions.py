"""Position embeddings for another number of patches, resampled as each publisher does it.

All take the published array (1 x positions x width) and the shape that is wanted.
"""

import math

import numpy as np
import scipy


def bicubic(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """timm's `resample_abs_pos_embed`: bicubic, antialiased when it shrinks."""
    import jax  # late: reading weights needs no JAX

    def resample(grid: np.ndarray, rows: int) -> np.ndarray:
        size = (rows, rows, grid.shape[-1])
        with jax.default_device(jax.devices("cpu")[0]):
            return np.asarray(jax.image.resize(grid, size, "cubic", antialias=True))

    return _resample(positions, shape, resample)


def torchvision_bicubic(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """torchvision's `interpolate_embeddings`: the corners of both grids lie on each other."""
    return _resample(positions, shape, lambda grid, rows: _pytorch_bicubic(grid, rows, corners=True))


def huggingface_bicubic(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Hugging Face's `interpolate_pos_encoding`: the borders of both grids lie on each other."""
    return _resample(positions, shape, lambda grid, rows: _pytorch_bicubic(grid, rows, corners=False))


def _pytorch_bicubic(grid: np.ndarray, rows: int, *, corners: bool) -> np.ndarray:
    """PyTorch's bicubic without antialiasing: a = -0.75, and the edge goes on beyond the border."""
    old, sharpness = len(grid), -0.75
    where = np.arange(rows, dtype=np.float64)
    if corners:
        where *= (old - 1) / max(rows - 1, 1)
    else:
        where = (where + 0.5) * old / rows - 0.5
    matrix = np.zeros((rows, old))
    for offset in range(-1, 3):
        place = np.floor(where).astype(int) + offset
        gap = np.abs(where - place)
        near = (sharpness + 2) * gap**3 - (sharpness + 3) * gap**2 + 1
        far = sharpness * (gap**3 - 5 * gap**2 + 8 * gap - 4)
        weight = np.where(gap <= 1, near, np.where(gap < 2, far, 0.0))
        np.add.at(matrix, (np.arange(rows), np.clip(place, 0, old - 1)), weight)
    return np.einsum("ai,bj,ijc->abc", matrix, matrix, grid)


def zoom(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Google's `vit_jax`: linear, with the corners of both grids on each other."""

    def resample(grid: np.ndarray, rows: int) -> np.ndarray:
        grid = grid.astype(np.float64)  # it computes in that whatever it is given, and refuses float16
        return scipy.ndimage.zoom(grid, (rows / len(grid), rows / len(grid), 1), order=1)

    return _resample(positions, shape, resample)


def _resample(positions: np.ndarray, shape: tuple[int, ...], resample) -> np.ndarray:
    """Resamples the square grid of `positions` (1 x n x width); a class token's stays as it is.

    Where no square grid explains a length, the array comes back as it was: `fill` then reports it.
    """
    if positions.ndim != 3:
        return positions
    extra = _tokens_beside_the_grid(positions.shape[1])
    if extra is None or extra != _tokens_beside_the_grid(shape[1]):
        return positions
    width = positions.shape[2]
    rows, old_rows = math.isqrt(shape[1] - extra), math.isqrt(positions.shape[1] - extra)
    grid = positions[0, extra:].reshape(old_rows, old_rows, width)
    grid = resample(grid, rows).reshape(1, rows * rows, width)
    return np.concatenate([positions[:, :extra], grid], axis=1)


def _tokens_beside_the_grid(length: int) -> int | None:
    """None where what is left is no square grid of at least one row."""
    rests = {extra: length - extra for extra in (0, 1) if length > extra}
    return next((extra for extra, rest in rests.items() if math.isqrt(rest) ** 2 == rest), None)
