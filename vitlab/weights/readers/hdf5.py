"""Keras `.h5`: one group per layer, one data set per variable (`Conv1/Conv1/kernel:0`).

HDF5's library only says, in a process of its own, where in the file each data set lies
(`hdf5_listing.py` tells why); the numbers are read from there without it.
"""

import json
import os
import subprocess
import sys
from math import prod
from pathlib import Path

import numpy as np

from vitlab.weights.readers.arrays import Refused, read_array

_LISTING = Path(__file__).with_name("hdf5_listing.py")
_LONGEST_SECONDS = 120


def read_hdf5(path: Path) -> dict[str, np.ndarray]:
    """Data sets by their path inside the file.

    Links and data sets that are stored in other files are refused: reading them would read whatever
    the file names. So are compressed ones, which Keras does not write.
    """
    tensors = {}
    with open(path, "rb") as file:
        left = size = os.fstat(file.fileno()).st_size
        for name, dtype, shape, offset in _listing(path):
            nbytes = prod(shape) * np.dtype(dtype).itemsize
            left -= nbytes
            if offset + nbytes > size or left < 0:
                raise Refused(f"{name} of {nbytes} bytes reaches out of the file, or into another array")
            file.seek(offset)
            tensors[name] = read_array(file, name, dtype, shape, nbytes)
    return tensors


def _listing(path: Path) -> list[tuple[str, str, list[int], int]]:
    """Name, type, shape and offset of every data set."""
    with path.open("rb"):  # what the system says about a file that it does not open, it says best
        pass
    try:
        child = subprocess.run(
            [sys.executable, "-P", _LISTING, path],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # each thread would take address space
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"HDF5's library did not come to an end within {error.timeout} s") from error
    if child.returncode < 0:
        raise Refused(f"HDF5's library ended with signal {-child.returncode}: the file is damaged")
    if child.returncode:
        raise Refused(f"HDF5's library failed: {child.stderr.decode(errors='replace').strip()[-200:]}")
    answer = json.loads(child.stdout)
    if isinstance(answer, str):
        raise Refused(answer)
    return answer
