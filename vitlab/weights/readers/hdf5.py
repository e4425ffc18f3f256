"""Keras `.h5`: one group per layer, one data set per variable (`Conv1/Conv1/kernel:0`).

HDF5's library only says, in a process of its own, where in the file each data set lies
(`hdf5_listing.py` tells why); the numbers are read from there without it.

`model.save` puts all that below `model_weights`, with the optimizer's beside it.
"""

import json
import os
import re
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from vitlab.weights.readers.arrays import LARGEST_EXPANSION, Refused, check_count, read_array
from vitlab.weights.readers.hdf5_chunks import Chunks, read_chunks

Entry = tuple[str, str, list[int], int | Chunks]  # name, type, shape and place of a data set

_LISTING = Path(__file__).with_name("hdf5_listing.py")
_LONGEST_SECONDS = 120

SAVE_INSTEAD = 'save it in Keras with model.save("model.h5")'
_MODEL = "model_weights/"
_NUMBERED = re.compile(r"(?:.+/)?vars/\d+")


def read_hdf5(path: Path) -> dict[str, np.ndarray]:
    """Data sets by their path inside the file, or inside the model that it holds.

    Links and data sets that are stored in other files are refused: reading them would read whatever
    the file names.
    """
    with open(path, "rb") as file:
        entries = _listing(path)
        _check(entries, os.fstat(file.fileno()).st_size)
        return {entry[0].removeprefix(_MODEL): _read(file, *entry) for entry in _of_the_model(entries)}


def _of_the_model(entries: list[Entry]) -> list[Entry]:
    """Raises Refused for a file of Keras's `save_weights`, whose layers are named by their classes and
    whose variables by their numbers."""
    if entries and all(_NUMBERED.fullmatch(name) for name, *_ in entries):
        raise Refused(f"it numbers its variables ({entries[0][0]}) and names no layers; {SAVE_INSTEAD}")
    within = [entry for entry in entries if entry[0].startswith(_MODEL)]
    return within or entries


def _check(entries: list[Entry], size: int) -> None:
    """No byte serves twice, and the arrays are no larger than a file of this size may have them."""
    check_count(len(entries))
    left, unpacked = size, 0
    for name, dtype, shape, place in entries:
        nbytes = prod(shape) * np.dtype(dtype).itemsize
        if isinstance(place, Chunks):
            pieces = [(start, length) for _, start, length, _ in place.pieces]
            unpacked += max(nbytes, len(pieces) * place.unpacked(dtype))
        else:
            pieces = [(place, nbytes)]
            unpacked += nbytes
        left -= sum(length for _, length in pieces)
        if left < 0 or any(start + length > size for start, length in pieces):
            raise Refused(f"{name} of {nbytes} bytes reaches out of the file, or into another array")
    if unpacked > LARGEST_EXPANSION * size:
        raise Refused(f"its {size} bytes would unpack to {unpacked}; refused")


def _read(file: IO[bytes], name: str, dtype: str, shape: list[int], place: int | Chunks) -> np.ndarray:
    if isinstance(place, Chunks):
        return read_chunks(file, name, dtype, shape, place)
    file.seek(place)
    return read_array(file, name, dtype, shape, prod(shape) * np.dtype(dtype).itemsize)


def _listing(path: Path) -> list[Entry]:
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
    return [
        (name, dtype, shape, Chunks(**place) if isinstance(place, dict) else place)
        for name, dtype, shape, place in answer
    ]
