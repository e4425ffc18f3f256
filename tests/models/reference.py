"""Plain layers in float64, for one image, written from their definitions; nothing of vitlab's.

`p` holds a network's arrays by path, and `name` is a path in it.
"""

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import special

Arrays = Mapping[str, np.ndarray]


def random_arrays(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """float32, statistics included: nothing stays at 0 or 1. Variances go down to 1e-4, where the
    epsilon of batch norm counts."""
    generator = np.random.default_rng(seed)

    def draw(path: str, shape: tuple[int, ...]) -> np.ndarray:
        if path.endswith("variance"):
            return np.power(10, generator.uniform(-4, 0, shape))
        if path.endswith("scale"):
            return generator.uniform(0.5, 1.5, shape)
        return generator.normal(0, max(math.prod(shape[:-1]), 1) ** -0.5, shape)

    return {path: draw(path, shape).astype(np.float32) for path, shape in shapes.items()}


def random_array(shape: tuple[int, ...], seed: int) -> jax.Array:
    """Normal, in float32."""
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def convolution(maps, kernel, *, stride=1, padding=0):
    """[rows, columns, in] with [height, width, in, out]; depthwise where `in` of the kernel is 1."""
    padded = np.pad(maps, ((padding, padding), (padding, padding), (0, 0)))
    windows = sliding_window_view(padded, kernel.shape[:2], axis=(0, 1))[::stride, ::stride]
    if kernel.shape[2] == 1:
        return np.einsum("rcihw,hwi->rci", windows, kernel[:, :, 0])
    return np.einsum("rcihw,hwio->rco", windows, kernel)


def batch_norm(maps, p: Arrays, name: str, *, epsilon: float):
    deviation = np.sqrt(p[f"{name}/variance"] + epsilon)
    return (maps - p[f"{name}/mean"]) / deviation * p[f"{name}/scale"] + p[f"{name}/bias"]


def layer_norm(x, p: Arrays, name: str, *, epsilon: float):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * p[f"{name}/scale"] + p[f"{name}/bias"]


def linear(x, p: Arrays, name: str):
    return x @ p[f"{name}/kernel"] + p[f"{name}/bias"]


def attention(query, key, value, *, heads: int, scale: float):
    """Per head, on its own part of the channels."""
    mixed = []
    for part in np.split(np.arange(query.shape[-1]), heads):
        scores = scale * query[:, part] @ key[:, part].T
        mixed.append(special.softmax(scores, axis=-1) @ value[:, part])
    return np.concatenate(mixed, axis=-1)


def gelu(x):
    return x * (1 + special.erf(x / np.sqrt(2))) / 2


def silu(x):
    return x * special.expit(x)


def bilinear(maps, rows: int, columns: int):
    """Along each axis on its own: pixel i lies at i + 1/2, and the border goes on as it is."""

    def along(values, length):
        old = len(values)
        places = (np.arange(length) + 0.5) * old / length - 0.5
        flat = values.reshape(old, -1)
        made = [np.interp(places, np.arange(old), column) for column in flat.T]
        return np.stack(made, axis=-1).reshape(length, *values.shape[1:])

    return along(along(maps, rows).swapaxes(0, 1), columns).swapaxes(0, 1)
