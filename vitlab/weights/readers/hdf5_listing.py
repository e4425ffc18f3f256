"""Where the data sets of an HDF5 file lie: a program that `hdf5.py` runs as a process of its own.

HDF5's library crashes on some damaged files, or asks for any amount of memory. Here that ends this
process, within its limits, and not the user's. Only what describes the file is read, no data: no
filter runs and nothing is unpacked. Standard output gets JSON: a list of name, type, shape and place
for each data set, or one text that says why the file is refused. The place is an offset in bytes, or,
for a data set in chunks, the fields of `hdf5_chunks.Chunks`.

It is started by its path and imports nothing of vitlab, so that it starts fast.
"""

import contextlib
import json
import resource
import sys
from collections.abc import Iterator
from typing import Any

import h5py

MEMORY = 2**30
SECONDS = 30
LONGEST_ANSWER = 2**24  # the reader takes it into memory; a large network's is a tenth of it
LONGEST_NAME = 1000  # letters, of all groups that a data set is in, and its own

Entry = tuple[str, str, tuple[int, ...], int | dict[str, Any]]

DTYPES = {
    "<f2": h5py.h5t.IEEE_F16LE,
    "<f4": h5py.h5t.IEEE_F32LE,
    "<f8": h5py.h5t.IEEE_F64LE,
    ">f4": h5py.h5t.IEEE_F32BE,
    ">f8": h5py.h5t.IEEE_F64BE,
    "<i4": h5py.h5t.STD_I32LE,  # of a count, which Keras keeps beside means and variances
    "<i8": h5py.h5t.STD_I64LE,
}
FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "deflate",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
}


def main(path: str) -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError):  # where the limit is tighter already, or there is none
            resource.setrlimit(kind, (limit, limit))
    print(_answer(path))


def _answer(path: str) -> str:
    try:
        if not h5py.is_hdf5(path):
            raise ValueError("it is no HDF5 file")
        with h5py.File(path, "r") as file:
            answer = json.dumps(list(_entries(file, "", {file})))
        if len(answer) > LONGEST_ANSWER:
            raise ValueError(f"it takes {len(answer)} letters to say what is in it; refused")
    except MemoryError:
        return json.dumps("it takes over a gigabyte to say what is in it; refused")
    except Exception as error:  # h5py raises whatever its parsing runs into
        return json.dumps(str(error) or type(error).__name__)
    return answer


def _entries(group: h5py.Group, prefix: str, seen: set[h5py.Group]) -> Iterator[Entry]:
    for name in group:
        if len(prefix) + len(name) > LONGEST_NAME:
            raise ValueError(f"a name has {len(prefix) + len(name)} letters; refused")
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
    if described.get_layout() == h5py.h5d.CHUNKED:
        return where, dtype, item.shape, _chunks(item, described, where)
    if described.get_layout() != h5py.h5d.CONTIGUOUS:
        raise ValueError(f"{where} stands in the file's directory; refused")
    offset = item.id.get_offset()
    if offset is None and item.size:
        raise _never_written(item, where)
    return where, dtype, item.shape, offset or 0


def _chunks(item: h5py.Dataset, described: h5py.h5p.PropDCID, where: str) -> dict[str, Any]:
    filters: list[str] = []
    for index in range(described.get_nfilters()):
        code, _, values, name = described.get_filter(index)
        packing = FILTERS.get(code)
        of_others = packing == "shuffle" and values != (item.dtype.itemsize,)
        if packing is None or packing in filters or of_others:
            shown = name.decode(errors="replace")
            raise ValueError(f"{where} is packed with {shown} {values}; save it with gzip")
        filters.append(packing)
    pieces: list[Any] = []
    item.id.chunk_iter(
        lambda found: pieces.append(
            (found.chunk_offset, found.byte_offset, found.size, found.filter_mask)
        )
    )
    if item.size and not pieces:
        raise _never_written(item, where)
    fill = item.fillvalue.item()
    return {"shape": item.chunks, "filters": filters, "fill": fill, "pieces": pieces}


def _never_written(item: h5py.Dataset, where: str) -> ValueError:
    return ValueError(f"{where} of shape {item.shape} was never written")


if __name__ == "__main__":
    main(sys.argv[1])
