"""Keras `.h5`: one group per layer, one data set per variable (`Conv1/Conv1/kernel:0`)."""

from pathlib import Path

import h5py
import numpy as np

from vitlab.errors import InputError
from vitlab.weights.readers.zip_limits import LARGEST_EXPANSION


def read_hdf5(path: Path) -> dict[str, np.ndarray]:
    """Data sets by their path inside the file.

    Links to other files and data sets stored in or assembled from other files are refused: reading
    them would read whatever the file names.
    """
    tensors: dict[str, np.ndarray] = {}
    try:
        with h5py.File(path, "r") as file:
            _collect(file, "", tensors, path)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"weights {path} are not a whole HDF5 file: {error}") from error
    return tensors


def _collect(group: h5py.Group, prefix: str, tensors: dict[str, np.ndarray], path: Path) -> None:
    for name in group:
        where = f"{prefix}{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise InputError(f"weights {path}: {where} is a link out of its place; refused")
        item = group[name]
        if isinstance(item, h5py.Group):
            _collect(item, f"{where}/", tensors, path)
        elif item.external or item.is_virtual:
            raise InputError(f"weights {path}: {where} is stored in another file; refused")
        elif item.dtype.kind != "f":
            raise InputError(f"weights {path}: {where} holds {item.dtype}, not numbers; refused")
        elif item.nbytes > LARGEST_EXPANSION * path.stat().st_size:
            raise InputError(
                f"weights {path}: {where} would unpack to {item.nbytes} bytes, more than "
                f"{LARGEST_EXPANSION} times the file; refused"
            )
        else:
            tensors[where] = item[()]
