"""Random weights and images that every framework can be given, from NumPy alone.

A tensor depends on the seed, its published name and its shape:

    kernels (two axes or more)    normal, standard deviation sqrt(gain / fan in)
    variances of batch norm       uniform in [0.5, 1.5]
    scales of a norm              uniform in [0.5, 1.5]
    biases, means                 normal, standard deviation 0.1
    what holds no number to learn 0

so batch norm's statistics are far from 0 and 1. With a gain of 1, activations keep their size through
the layers of most networks; a deep one without shortcuts forgets the image on the way, and its case
asks for more.
"""

import math
import re
import zlib
from collections.abc import Mapping
from typing import Literal

import numpy as np

Shapes = Mapping[str, tuple[int, ...]]
Tensors = dict[str, np.ndarray]
Order = Literal["out first", "out last"]  # of a kernel's axes: PyTorch's, Keras's

VARIANCE = re.compile(r".*(running_var|moving_variance(:0)?)")
SCALE = re.compile(r".*(\.weight|gamma(:0)?|/scale)")


def draw_tensors(shapes: Shapes, seed: int, order: Order, gain: float = 1.0) -> Tensors:
    """float32 tensors of these shapes by their published names."""
    return {name: _draw(name, shape, seed, order, gain) for name, shape in shapes.items()}


def draw_images(size: int, seed: int, count: int = 2) -> np.ndarray:
    """uint8 [count, size, size, 3]: noise over soft gradients, so that no two places are alike."""
    generator = np.random.default_rng([seed, size])
    slopes = np.linspace(0, 1, size)
    colours = generator.uniform(-90, 90, (count, 2, 1, 1, 3))
    soft = colours[:, 0] * slopes[:, None, None] + colours[:, 1] * slopes[None, :, None]
    noise = generator.normal(0, 30, (count, size, size, 3))
    return np.clip(128 + soft + noise, 0, 255).astype(np.uint8)


def draw_texts(seed: int, count: int = 3) -> np.ndarray:
    """int64 [count, 77]: CLIP's start, some words, its end, and zeros."""
    generator = np.random.default_rng([seed, 77])
    texts = np.zeros((count, 77), np.int64)
    for text, length in zip(texts, generator.integers(2, 75, count), strict=True):
        text[0], text[length + 1] = 49_406, 49_407
        text[1 : length + 1] = generator.integers(0, 49_406, length)
    return texts


def _draw(name: str, shape: tuple[int, ...], seed: int, order: Order, gain: float) -> np.ndarray:
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if not shape:
        return np.zeros((), np.float32)
    if len(shape) == 1:
        if VARIANCE.fullmatch(name) or SCALE.fullmatch(name):
            return generator.uniform(0.5, 1.5, shape).astype(np.float32)
        return (0.1 * generator.standard_normal(shape)).astype(np.float32)
    inputs = shape[1:] if order == "out first" else shape[:-1]
    if "depthwise" in name and order == "out last":  # height, width, channels, 1
        inputs = shape[:2]
    values = generator.standard_normal(shape, np.float32)
    return values * np.float32(math.sqrt(gain / math.prod(inputs)))
