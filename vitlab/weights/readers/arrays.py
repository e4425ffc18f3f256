"""What every reader does with an array: take no memory for what the file does not have."""

from collections.abc import Sequence
from math import prod
from typing import IO

import numpy as np

# A file of weights unpacks to little more than its own size: weights hardly compress.
LARGEST_EXPANSION = 10
LONGEST_NAME = 1000  # letters; the longest of the networks here has a tenth of them
MOST_TENSORS = 20_000  # the largest networks here have a thousand, and optimizers thrice as many
BFLOAT16 = "bfloat16"

_MOST_AXES = 32
_MOST_NUMBERS = 2**48  # beyond any memory, and far from where 64 bits overflow
_PIECE = 2**18  # numbers: a member of a zip file is unpacked into bytes first
# JAX on CPU lets go at once of what it copies from a multiple of 64 bytes: as measured, loading takes
# 1.1 times the file's size, and 1.3 to 1.45 times with arrays anywhere (experiments/speed/loading.py).
_ALIGNMENT = 64


class Refused(Exception):  # noqa: N818 as it reads where it is raised
    """A file is not what it should be, or asks for too much; `read_tensors` adds which file."""


def read_array(
    source: IO[bytes], name: str, dtype: str, shape: Sequence[int], nbytes: int
) -> np.ndarray:
    """The next `nbytes` of `source`, which its caller knows to be there, as an array.

    Raises:
        Refused: `dtype` and `shape` need another number of bytes, or `source` ends early.
    """
    stored = np.dtype("<u2" if dtype == BFLOAT16 else dtype)
    check_shape(name, shape)
    if prod(shape) * stored.itemsize != nbytes:
        raise Refused(f"{name} of shape {list(shape)} in {dtype} does not fit its {nbytes} bytes")
    widens = dtype == BFLOAT16  # it is the upper half of a float32
    array = aligned(shape, np.dtype(np.float32) if widens else stored)
    numbers = array.reshape(-1)
    for start in range(0, numbers.size, _PIECE):
        target = numbers[start : start + _PIECE]
        piece = source.read(target.size * stored.itemsize)
        if len(piece) < target.size * stored.itemsize:
            raise Refused(f"{name} is cut short")
        if widens:
            np.left_shift(np.frombuffer(piece, stored), 16, out=target.view(np.uint32), dtype=np.uint32)
        else:
            target[...] = np.frombuffer(piece, stored)
    return native(array)


def check_count(count: int) -> None:
    """Each tensor takes memory beside its numbers, and time when its name is looked up."""
    if count > MOST_TENSORS:
        raise Refused(f"it holds {count} tensors, more than any network; refused")


def check_shape(name: str, shape: Sequence[int]) -> None:
    """Lengths may not be negative, nor so large that NumPy could not count in them."""
    if len(shape) > _MOST_AXES or min(shape, default=0) < 0 or prod(filter(None, shape)) > _MOST_NUMBERS:
        raise Refused(f"{name} has an impossible shape of {len(shape)} axes")


def aligned(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Memory for an array, whatever is in it."""
    nbytes = prod(shape) * dtype.itemsize
    memory = np.empty(nbytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + nbytes].view(dtype).reshape(shape)


def native(array: np.ndarray) -> np.ndarray:
    """The same numbers in the machine's order of bytes; `array` itself is turned."""
    if array.dtype.isnative:
        return array
    return array.byteswap(inplace=True).view(array.dtype.newbyteorder())
