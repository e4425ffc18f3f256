"""Published weight files, read without the framework that wrote them and without running any code."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vitlab.errors import InputError
from vitlab.weights.readers.hdf5 import read_hdf5
from vitlab.weights.readers.numpy_archive import read_numpy_archive
from vitlab.weights.readers.pytorch import read_pytorch
from vitlab.weights.readers.safetensors import read_safetensors

Tensors = dict[str, np.ndarray]

READERS: dict[str, Callable[[Path], Tensors]] = {
    ".safetensors": read_safetensors,
    ".npz": read_numpy_archive,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".pth": read_pytorch,
    ".pt": read_pytorch,
    ".bin": read_pytorch,
}


def read_tensors(path: Path) -> Tensors:
    """All tensors of a published file by their published names.

    Raises:
        InputError: the suffix is not one of READERS, or the file is not what its suffix says, is
            cut short, or asks for anything but tensors.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"weights {path}: the suffix {path.suffix!r} is not known; use {', '.join(READERS)}"
        )
    try:
        tensors = reader(path)
    except OSError as error:
        raise InputError(f"weights {path} cannot be read: {error.strerror or error}") from error
    if not tensors:
        raise InputError(f"weights {path} hold no tensors")
    return tensors
