"""`.npz`: a zip file of NumPy arrays, as Google publishes its Vision Transformers.

The format is that of `numpy.lib.format`. Its header is a Python dictionary, which NumPy evaluates;
here a pattern that only arrays of numbers match takes it apart.
"""

import re
from pathlib import Path
from typing import IO

import numpy as np

from vitlab.weights.readers.archive import open_archive
from vitlab.weights.readers.arrays import Refused, read_array

_SUFFIX = ".npy"
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
_HEADER = re.compile(
    r"\{'descr': '([<>|=]?(?:f[248]|[iu][1248]|b1))', 'fortran_order': (False|True), "
    r"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\),? ?\}\s*"
)


def read_numpy_archive(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name."""
    tensors = {}
    with open_archive(path) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(_SUFFIX):
                raise Refused(f"{member.filename} holds no numbers; refused")
            name = member.filename.removesuffix(_SUFFIX)
            with archive.open(member) as stream:
                tensors[name] = _read(stream, name, member.file_size)
    return tensors


def _read(stream: IO[bytes], name: str, member_size: int) -> np.ndarray:
    start = stream.read(8)
    if len(start) < 8 or start[:6] != _MAGIC or start[6] not in (1, 2, 3):
        raise Refused(f"{name} holds no numbers; refused")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    header = stream.read(min(length, _LONGEST_HEADER)).decode("latin1")
    match = _HEADER.fullmatch(header)
    if not match:
        raise Refused(f"{name} holds no numbers, its header says {header.strip()[:80]}; refused")
    dtype, fortran_order, lengths = match.groups()
    shape = tuple(int(length) for length in lengths.split(",") if length.strip())
    nbytes = member_size - len(start) - width - length
    if fortran_order == "True":
        return read_array(stream, name, dtype, shape[::-1], nbytes).T
    return read_array(stream, name, dtype, shape, nbytes)
