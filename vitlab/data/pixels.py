"""Every image decoded and resized once, kept on disk, shared by all runs that want the same size.

The first pass over a collection is also its inspection: it finds the files that are no images, and
counts what had to be repaired.
"""

import dataclasses
import hashlib
import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vitlab import files, runtime
from vitlab.data.decode import DecodeError
from vitlab.data.identity import is_unreadable
from vitlab.data.resize import Mode, to_square
from vitlab.data.sources import Source
from vitlab.errors import InputError
from vitlab.progress import track
from vitlab.weights import Preprocessing

VERSION = 2  # of what decoding and resizing compute; a change makes older files unused
ABANDONED = 24 * 3600  # seconds: whoever wrote a half-written folder for longer was killed


@dataclass(frozen=True)
class Pixels:
    """The pixels of a source's images, and what was found on the way.

    Attributes:
        array: uint8 [images, size, size, 3], mapped from disk.
        rows: for each row of the source's table, its place in `array`; -1 if it is unreadable.
        repairs: for each kind of repair, how many rows needed it.
        unreadable: path to reason.
    """

    array: np.ndarray
    rows: np.ndarray
    repairs: dict[str, int]
    unreadable: dict[str, str]


@dataclass(frozen=True)
class _Image:
    """What one decoding gave: pixels and repairs, or the reason why there are none."""

    pixels: np.ndarray | None
    repairs: list[str]
    reason: str | None


def load_pixels(source: Source, preprocessing: Preprocessing, mode: Mode) -> Pixels:
    """All images of `source` at the input size, from disk if any run has decoded them before."""
    table = source.table
    first_row: dict[str, int] = {}  # of each picture: a file that stands twice is decoded once
    for row, identity in enumerate(table.ids):
        first_row.setdefault(identity, row)
    ids = sorted(first_row)
    cache = runtime.cache_folder("pixels")
    files.sweep(cache, older_than_seconds=ABANDONED)
    folder = cache / _key(ids, preprocessing, mode)
    if not (folder / "found.json").exists():
        with files.replacing_folder(folder) as unfinished:
            rows = [first_row[identity] for identity in ids]
            _decode_all(source, rows, preprocessing, mode, unfinished)
    array, found = _open(folder, len(ids), preprocessing.size)
    position = {identity: index for index, identity in enumerate(ids)}
    places = np.array([position[identity] for identity in table.ids])
    unreadable = {
        path: found[place]["reason"]
        for path, place in zip(table.paths, places, strict=True)
        if found[place]["reason"]
    }
    repairs = Counter(repair for place in places for repair in found[place]["repairs"])
    readable = np.array([not found[place]["reason"] for place in places])
    return Pixels(array, np.where(readable, places, -1), dict(repairs), unreadable)


def _decode_all(
    source: Source, rows: list[int], preprocessing: Preprocessing, mode: Mode, folder: Path
) -> None:
    """Writes `pixels.npy` one image after the other: a full disk is an error, not a crash."""
    blank = np.zeros((preprocessing.size, preprocessing.size, 3), np.uint8)

    def read(row: int) -> _Image:
        try:
            decoded = source.read(row)
            pixels = to_square(decoded.image, preprocessing, mode)
        except DecodeError as error:
            return _Image(None, [], str(error))
        except (OSError, MemoryError) as error:
            # To remember this would lose the image for ever.
            reason = getattr(error, "strerror", None) or "not enough memory"
            raise InputError(f"cannot read {source.table.paths[row]}: {reason}; run again") from error
        if is_unreadable(source.table.ids[row]):  # it could not be read a moment ago
            raise InputError(f"{source.table.paths[row]} was not readable for a moment; run again")
        return _Image(pixels, sorted(decoded.repairs), None)

    found = []
    with ThreadPoolExecutor(os.cpu_count()) as pool, open(folder / "pixels.npy", "wb") as file:
        _write_header(file, (len(rows), *blank.shape))
        images = track(pool.map(read, rows), len(rows), "reading images", "images")
        for image in images:
            pixels = blank if image.pixels is None else image.pixels
            file.write(np.ascontiguousarray(pixels).tobytes())
            found.append({"repairs": image.repairs, "reason": image.reason})
        file.flush()
        os.fsync(file.fileno())
    files.write_json(folder / "found.json", found)


def _open(folder: Path, count: int, size: int) -> tuple[np.ndarray, list[dict]]:
    """Raises InputError if what lies on the disk is not what was written."""
    try:
        found = json.loads((folder / "found.json").read_text())
        array = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        if array.shape != (count, size, size, 3) or len(found) != count:
            raise ValueError(f"{array.shape} where {count} images belong")
    except (OSError, ValueError) as error:
        raise InputError(f"the decoded images in {folder} are damaged ({error}); delete it") from error
    return array, found


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _key(ids: list[str], preprocessing: Preprocessing, mode: Mode) -> str:
    parts = [VERSION, mode, dataclasses.asdict(preprocessing), ids]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
