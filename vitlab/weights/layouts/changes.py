"""How published arrays are turned into ours."""

from collections.abc import Callable

import numpy as np

Change = Callable[[np.ndarray], np.ndarray]


def unchanged(array: np.ndarray) -> np.ndarray:
    return array


def transposed(array: np.ndarray) -> np.ndarray:
    """PyTorch's linear weight, out x in, to in x out."""
    return array.T


def image_last(array: np.ndarray) -> np.ndarray:
    """PyTorch's convolution weight, out x in x height x width, to height x width x in x out.

    It serves depthwise kernels too: out x 1 x height x width becomes height x width x 1 x out.
    """
    return array.transpose(2, 3, 1, 0)


def depthwise_last(array: np.ndarray) -> np.ndarray:
    """Keras's depthwise kernel, height x width x channels x 1, to height x width x 1 x channels."""
    return array.transpose(0, 1, 3, 2)


def pixels_flat(array: np.ndarray) -> np.ndarray:
    """A patch convolution, height x width x 3 x out, to one row per pixel and colour."""
    return array.reshape(-1, array.shape[-1])


def image_flat(rows: int) -> Change:
    """A dense layer behind channels x rows x rows maps, out x in, to in x out, channels last."""

    def change(array: np.ndarray) -> np.ndarray:
        return image_last(array.reshape(len(array), -1, rows, rows)).reshape(-1, len(array))

    return change


def part(index: int, of: int, then: Change = unchanged) -> Change:
    """The index-th of `of` equal parts along the first axis, changed by `then`."""

    def change(array: np.ndarray) -> np.ndarray:
        return then(np.split(array, of)[index])

    return change
