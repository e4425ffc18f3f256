"""`.safetensors`: the header's length, a JSON header of names, types and offsets, then bytes.

https://huggingface.co/docs/safetensors says what a reader must check. The library reads through a
memory map, from which every array is a copy, and so takes twice the file's size.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitlab.weights.readers.arrays import BFLOAT16, Refused, check_count, read_array

_LONGEST_HEADER = 2**24  # the largest networks need a tenth of it
_MOST_DIGITS = 30  # a number of 64 bits has 20
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": BFLOAT16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= 8:
            raise Refused("it is empty" if size == 0 else f"it is cut short, after {size} bytes")
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, _LONGEST_HEADER):
            raise Refused(
                f"its header of {length} bytes is longer than the file, or than any header; it is cut "
                "short, or no .safetensors"
            )
        entries = _entries(file.read(length))
        _check_cover(entries, size - 8 - length)
        tensors = {}
        for name, (dtype, shape, start, end) in entries.items():
            file.seek(8 + length + start)
            tensors[name] = read_array(file, name, dtype, shape, end - start)
    return tensors


Entry = tuple[str, list[int], int, int]  # dtype, shape, start and end in bytes


def _entries(header: bytes) -> dict[str, Entry]:
    try:
        content = json.loads(
            header.decode(), object_pairs_hook=_without_repetitions, parse_int=_whole_number
        )
    except (ValueError, RecursionError) as error:
        raise Refused(f"its header is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise Refused("its header is no table of tensors")
    content.pop("__metadata__", None)
    check_count(len(content))
    return {name: _entry(name, fields) for name, fields in content.items()}


def _whole_number(digits: str) -> int:
    """Python refuses thousands of digits, with an advice for whoever wrote the program."""
    if len(digits) > _MOST_DIGITS:
        raise Refused(f"its header has a number of {len(digits)} digits; refused")
    return int(digits)


def _without_repetitions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise Refused("its header says a name twice")
    return table


def _entry(name: str, fields: Any) -> Entry:
    match fields:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [start, end]} if all(
            type(number) is int and number >= 0 for number in (*shape, start, end)
        ):
            if dtype not in _DTYPES:
                raise Refused(f"{name} holds {dtype}; of its types only {', '.join(_DTYPES)} are read")
            return _DTYPES[dtype], shape, start, end
    raise Refused(f"its header says of {name} no type, shape and place")


def _check_cover(entries: Mapping[str, Entry], size: int) -> None:
    """The arrays cover the data without holes and without sharing a byte, as the format demands."""
    place = 0
    for _, _, start, end in sorted(entries.values(), key=lambda entry: entry[2:]):
        if start != place or end < start:
            raise Refused(f"its tensors overlap, or leave a hole, at byte {place} of the data")
        place = end
    if place != size:
        raise Refused(f"its tensors take {place} bytes of data, and it has {size}")
