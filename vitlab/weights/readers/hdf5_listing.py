"""Where the data sets of an HDF5 file lie: a program that `hdf5.py` runs as a process of its own.

HDF5's library crashes on some damaged files, or asks for any amount of memory. Here that ends this
process, within its limits, and not the user's. Only what describes the file is read, no data: no
filter runs and nothing is unpacked. Standard output gets JSON: a list of name, type, shape and offset
in bytes for each data set, or one text that says why the file is refused.

It is started by its path and imports nothing of vitlab, so that it starts fast.
"""

import contextlib
import json
import resource
import sys
from collections.abc import Iterator

import h5py

MEMORY = 2**30
SECONDS = 30

Entry = tuple[str, str, tuple[int, ...], int]

DTYPES = {
    "<f2": h5py.h5t.IEEE_F16LE,
    "<f4": h5py.h5t.IEEE_F32LE,
    "<f8": h5py.h5t.IEEE_F64LE,
    ">f4": h5py.h5t.IEEE_F32BE,
    ">f8": h5py.h5t.IEEE_F64BE,
    "<i4": h5py.h5t.STD_I32LE,  # of a count, which Keras keeps beside means and variances
    "<i8": h5py.h5t.STD_I64LE,
}


def main(path: str) -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError):  # where the limit is tighter already, or there is none
            resource.setrlimit(kind, (limit, limit))
    try:
        with h5py.File(path, "r") as file:
            answer: list[Entry] | str = list(_entries(file, "", {file}))
    except Exception as error:  # h5py raises whatever its parsing runs into
        answer = str(error) or type(error).__name__
    print(json.dumps(answer))


def _entries(group: h5py.Group, prefix: str, seen: set[h5py.Group]) -> Iterator[Entry]:
    for name in group:
        where = f"{prefix}{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{where} is a link out of its place; refused")
        item = group[name]
        if isinstance(item, h5py.Group):
            if item in seen:
                raise ValueError(f"{where} is a group that stands elsewhere too; refused")
            seen.add(item)
            yield from _entries(item, f"{where}/", seen)
        elif isinstance(item, h5py.Dataset):
            yield _entry(item, where)
        else:
            raise ValueError(f"{where} holds no numbers; refused")


def _entry(item: h5py.Dataset, where: str) -> Entry:
    described = item.id.get_create_plist()
    if described.get_external_count() or described.get_layout() == h5py.h5d.VIRTUAL:
        raise ValueError(f"{where} is stored in another file; refused")
    stored = item.id.get_type()
    dtype = next((name for name, kind in DTYPES.items() if stored.equal(kind)), None)
    if dtype is None or item.shape is None:
        raise ValueError(f"{where} holds {item.dtype}, not numbers; refused")
    if described.get_layout() != h5py.h5d.CONTIGUOUS:
        raise ValueError(f"{where} is compressed or in pieces; save it without chunks")
    offset = item.id.get_offset()
    if offset is None and item.size:
        raise ValueError(f"{where} of shape {item.shape} was never written")
    return where, dtype, item.shape, offset or 0


if __name__ == "__main__":
    main(sys.argv[1])
