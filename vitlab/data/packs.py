"""Decoded images on disk: packs of many, written whole, shared by all runs, bounded in their sum.

A pack is a folder with `pixels.u8`, one image after the other, and `found.json`, which says whose they
are. Packs lie in a folder for each way of making pixels, `pixels/<way>/<pack>`. Whoever reads a pack
holds a lock on it; packs that nobody reads go when room is needed, those first that were opened longest
ago.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import weakref
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitlab import files, runtime
from vitlab.errors import InputError
from vitlab.progress import say

GIB = 2**30
LIMIT = "VITLAB_PIXELS_GIB"  # the variable that says how much all packs may take
DEFAULT_LIMIT = 20.0  # GiB: 143,000 images of 224 x 224
PIXELS, FOUND = "pixels.u8", "found.json"


@dataclass(frozen=True)
class Outcome:
    """What decoding one image gave: pixels, the repairs that its content took, and its format, or the
    reason why there are none."""

    pixels: np.ndarray | None
    repairs: tuple[str, ...] = ()
    format: str = ""
    reason: str | None = None


class Pack:
    """A pack that is held open, and so is kept, for as long as this object lives."""

    def __init__(self, folder: Path, size: int):
        """Raises ValueError for a pack that is damaged, OSError for one that is gone or going."""
        self.folder = folder
        found = json.loads((folder / FOUND).read_text(encoding="utf-8"))
        self.images: dict[str, dict] = found["images"]  # by id, in the order of the pixels
        self.refused: dict[str, str] = found["refused"]
        self._checksums = [image["checksum"] for image in self.images.values()]
        if not all(
            isinstance(image["repairs"], list) and isinstance(image["format"], str)
            for image in self.images.values()
        ):
            raise ValueError("its repairs are no lists, or its formats no names")
        self._is_sound = [False] * len(self._checksums)
        self._bytes = size * size * 3
        self._handle = os.open(folder / PIXELS, os.O_RDONLY)
        weakref.finalize(self, os.close, self._handle)
        fcntl.flock(self._handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        there, due = os.fstat(self._handle).st_size, self._bytes * len(self.images)
        if there != due:
            raise ValueError(f"{there} bytes of {due} are there")

    def read(self, place: int, into: np.ndarray) -> None:
        """Copies the pixels of an image.

        They are read, not mapped: touched pages of a mapping count as the process's own memory.

        Raises:
            InputError: they are not those that were written.
        """
        count = os.preadv(self._handle, [into.data], place * self._bytes)
        if self._is_sound[place]:
            return
        if count != self._bytes or zlib.crc32(into.data) != self._checksums[place]:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise InputError(
                f"the decoded images in {self.folder} were damaged; they are removed: run again, and "
                "they are made anew"
            )
        self._is_sound[place] = True


class PackedPixels:
    """Images out of packs as one array, uint8 [images, size, size, 3], of which a part is read."""

    def __init__(self, packs: Sequence[Pack], ids: Sequence[str], size: int):
        """Of those `ids` that the packs have pixels of; `places` says which row each of them is."""
        where = {
            identity: (index, place)
            for index, pack in enumerate(packs)
            for place, identity in enumerate(pack.images)
        }
        self._packs = packs
        found = [identity for identity in ids if identity in where]
        self._where = np.array([where[identity] for identity in found], np.int32).reshape(-1, 2)
        self.places = {identity: row for row, identity in enumerate(found)}
        self.shape = (len(found), size, size, 3)
        self.dtype = np.dtype(np.uint8)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        images = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for image, (pack, place) in zip(images, self._where[rows], strict=True):
            self._packs[pack].read(place, image)
        return images


def open_packs(folder: Path, wanted: Iterable[str], size: int) -> list[Pack]:
    """The packs in `folder` that hold any of the images; a damaged one is removed, with a word."""
    wanted = set(wanted)
    packs = []
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        if files.is_unfinished(path):
            continue
        try:
            pack = Pack(path, size)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            say(f"warning: the decoded images in {path} are damaged ({error}); they are made again")
            shutil.rmtree(path, ignore_errors=True)
        except (FileNotFoundError, BlockingIOError):  # it has just been removed, or is going
            shutil.rmtree(path, ignore_errors=True)
        else:
            if wanted.isdisjoint(pack.images) and wanted.isdisjoint(pack.refused):
                continue
            with contextlib.suppress(OSError):  # a cache that can only be read has no order
                os.utime(path)
            packs.append(pack)
    return packs


def write_pack(folder: Path, ids: Sequence[str], outcomes: Iterable[Outcome]) -> None:
    """Keeps what decoding gave, image after image: a full disk is an error, not a crash."""
    images: dict[str, dict] = {}
    refused: dict[str, str] = {}
    name = hashlib.sha256("\n".join(ids).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    with files.replacing_folder(folder / name) as unfinished:
        with open(unfinished / PIXELS, "wb") as file:
            for identity, outcome in zip(ids, outcomes, strict=True):
                if outcome.pixels is None:
                    refused[identity] = str(outcome.reason)
                    continue
                pixels = np.ascontiguousarray(outcome.pixels).data
                images[identity] = {
                    "checksum": zlib.crc32(pixels),
                    "repairs": outcome.repairs,
                    "format": outcome.format,
                }
                file.write(pixels)
        files.write_json(unfinished / FOUND, {"images": images, "refused": refused})


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """One process at a time decodes for `folder`; the next finds what the first one has made."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is reading images of this size; waiting for what it makes")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make_room() -> None:
    """Removes packs that nobody reads until all together keep to their limit."""
    limit = _limit()
    packs = _oldest_first()
    total = sum(size for _, size in packs)
    for folder, size in packs:
        if total <= limit:
            return
        if _remove_unused(folder):
            total -= size
    if total > limit:
        say(
            f"warning: the decoded images in use take {total / GIB:.1f} GiB, more than the "
            f"{limit / GIB:g} GiB that they may ({LIMIT})"
        )


def clear_pixels() -> None:
    """Removes all decoded images but those that a running process reads, and says how much that is."""
    packs = _oldest_first()
    removed = sum(size for folder, size in packs if _remove_unused(folder))
    kept = sum(size for _, size in packs) - removed
    removed += _remove_abandoned()
    in_use = f"; {kept / GIB:.2f} GiB are in use and stay" if kept else ""
    say(f"decoded images: {removed / GIB:.2f} GiB removed{in_use}")


def _limit() -> float:
    text = os.environ.get(LIMIT, str(DEFAULT_LIMIT))
    with contextlib.suppress(ValueError):
        if float(text) >= 0:
            return float(text) * GIB
    raise InputError(f"{LIMIT} is {text!r}; it must be a number of GiB, such as {DEFAULT_LIMIT:g}")


def _oldest_first() -> list[tuple[Path, int]]:
    """Every pack with its bytes, by the time when it was last opened."""
    packs = []
    for pixels in runtime.cache_folder("pixels").glob(f"*/*/{PIXELS}"):
        with contextlib.suppress(OSError):  # another process removes it
            if not files.is_unfinished(pixels.parent):
                opened = pixels.parent.stat().st_mtime_ns
                packs.append((opened, pixels.parent, pixels.stat().st_size))
    return [(folder, size) for _, folder, size in sorted(packs)]


def _remove_abandoned() -> int:
    """Takes away what writers have left that were killed, and returns its bytes."""
    removed = 0
    for folder in runtime.cache_folder("pixels").iterdir():
        try:
            handle = os.open(folder, os.O_RDONLY)
        except OSError:  # it has just been removed, or is not ours
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody writes here (see `only_writer`)
            left = [path for path in folder.iterdir() if files.is_unfinished(path)]
            removed += sum(file.stat().st_size for path in left for file in path.rglob("*"))
            files.sweep(folder)
        except OSError:  # somebody does, or it is not ours to remove
            continue
        finally:
            os.close(handle)
    return removed


def _remove_unused(folder: Path) -> bool:
    try:
        handle = os.open(folder / PIXELS, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except OSError:  # somebody reads it, or it is not ours to remove
        return False
    finally:
        os.close(handle)
    return True
