"""Every image decoded and resized once, kept on disk, shared by all runs that want it made that way.

The first pass over a collection is also its inspection: it finds the files that are no images, and
counts what had to be repaired.
"""

import dataclasses
import hashlib
import itertools
import json
import math
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vitlab import files, runtime
from vitlab.data.decode import MISNAMED, DecodeError, is_misnamed
from vitlab.data.identity import changed_error, is_unreadable
from vitlab.data.packs import Outcome, Pack, PackedPixels, make_room, only_writer, open_packs, write_pack
from vitlab.data.resize import Mode, to_square
from vitlab.data.sources import Source
from vitlab.errors import InputError
from vitlab.progress import Progress
from vitlab.threads import helpers
from vitlab.weights import Preprocessing

VERSION = 4  # of what decoding and resizing compute, and packs hold; a change makes older packs unused
ABANDONED = 24 * 3600  # seconds: whoever wrote a half-written folder for longer was killed

PACK_BYTES = 2**27  # a first pass that is stopped loses no more than the pack that it is at
MOST_PACKS = 200  # of one collection: each is an open file

Decode = Literal["exact", "fast"]


@dataclass(frozen=True)
class Recipe:
    """How pixels are made of a file."""

    preprocessing: Preprocessing
    mode: Mode
    decode: Decode = "exact"

    @property
    def key(self) -> str:
        how = dataclasses.asdict(self.preprocessing)
        if self.mode == "squash":
            del how["crop"], how["crop_first"]
        text = json.dumps([VERSION, self.mode, self.decode, how])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def enough(self) -> int:
        """The pixels per side that fast decoding must leave; 0 for all of them."""
        if self.decode == "exact":
            return 0
        side = self.preprocessing.size
        return side if self.mode == "squash" else round(side / self.preprocessing.crop)


@dataclass(frozen=True)
class Pixels:
    """The pixels of a source's images, and what was found on the way.

    Attributes:
        array: uint8 [images, size, size, 3].
        rows: for each row of the source's table, its place in `array`; -1 if it is unreadable, or
            was not asked for.
        checksums: of the pixels of each id.
        repairs: for each kind of repair, how many rows needed it.
        unreadable: path to reason.
    """

    array: PackedPixels
    rows: np.ndarray
    checksums: dict[str, int]
    repairs: dict[str, int]
    unreadable: dict[str, str]


def load_pixels(source: Source, recipe: Recipe, rows: Sequence[int] | None = None) -> Pixels:
    """The images of `source`, or those in `rows`, from disk if any run has decoded them before.

    Raises:
        InputError: a file changed or disappeared while it was read, could not be read for the
            moment, or the disk is full.
    """
    table = source.table
    asked = range(len(table)) if rows is None else rows
    first_row = table.first_rows(asked)
    refused = {
        identity: str(_outcome(source, recipe, row).reason)
        for identity, row in first_row.items()
        if is_unreadable(identity)
    }
    ids = [identity for identity in first_row if identity not in refused]
    folder = runtime.cache_folder("pixels") / recipe.key
    size = recipe.preprocessing.size
    packs = open_packs(folder, ids, size)
    if _missing(ids, packs):
        with only_writer(folder):
            files.sweep(folder, older_than_seconds=ABANDONED)
            _decode_missing(source, recipe, first_row, ids, folder)
        packs = open_packs(folder, ids, size)
        make_room()
    images = {identity: image for pack in packs for identity, image in pack.images.items()}
    for pack in packs:
        refused |= pack.refused
    array = PackedPixels(packs, ids, size)
    place = np.full(len(table), -1)
    unreadable, repairs = {}, Counter[str]()
    for row in asked:
        identity = table.ids[row]
        if identity in images:
            place[row] = array.places[identity]
            repairs.update(images[identity]["repairs"])
            repairs[MISNAMED] += is_misnamed(table.paths[row], images[identity]["format"])
        else:
            unreadable[table.paths[row]] = refused[identity]
    checksums = {identity: image["checksum"] for identity, image in images.items()}
    return Pixels(array, place, checksums, dict(+repairs), unreadable)


def _missing(ids: Sequence[str], packs: Sequence[Pack]) -> list[str]:
    known = {identity for pack in packs for kept in (pack.images, pack.refused) for identity in kept}
    return [identity for identity in ids if identity not in known]


def _decode_missing(
    source: Source, recipe: Recipe, first_row: dict[str, int], ids: Sequence[str], folder: Path
) -> None:
    """Decodes what no pack has, pack by pack."""
    size = recipe.preprocessing.size
    packs = open_packs(folder, ids, size)
    missing = _missing(ids, packs)
    full = max(PACK_BYTES // (3 * size * size), math.ceil(len(ids) / MOST_PACKS), 1)
    if len(packs) >= MOST_PACKS:
        _join([pack for pack in packs if len(pack.images) < full / 2], size, folder)
    progress = Progress(len(missing), "reading images", "images")
    with helpers() as pool:
        for first in range(0, len(missing), full):
            some = missing[first : first + full]
            rows = [first_row[identity] for identity in some]
            outcomes = []
            for outcome in pool.map(lambda row: _outcome(source, recipe, row), rows):
                outcomes.append(outcome)
                progress.advance(1)
            changed = source.changed(rows)
            if changed:
                raise changed_error(source.table.paths[changed[0]])
            write_pack(folder, some, outcomes)
    progress.close()


def _join(packs: Sequence[Pack], size: int, folder: Path) -> None:
    """One pack in the place of many small ones, such as a collection leaves that grows day by day."""
    images = {identity: image for pack in packs for identity, image in pack.images.items()}
    refused = {identity: reason for pack in packs for identity, reason in pack.refused.items()}
    array = PackedPixels(packs, list(images), size)
    pixels = (
        Outcome(array[np.array([row])][0], tuple(image["repairs"]), image["format"])
        for row, image in enumerate(images.values())
    )
    reasons = (Outcome(None, reason=reason) for reason in refused.values())
    write_pack(folder, [*images, *refused], itertools.chain(pixels, reasons))
    for pack in packs:  # whoever reads it goes on reading
        shutil.rmtree(pack.folder, ignore_errors=True)


def _outcome(source: Source, recipe: Recipe, row: int) -> Outcome:
    path = source.table.paths[row]
    try:
        decoded = source.read(row, recipe.enough)
        pixels = to_square(decoded.image, recipe.preprocessing, recipe.mode)
    except DecodeError as error:
        return Outcome(None, reason=str(error))
    except (OSError, MemoryError) as error:
        # To remember this would lose the image for ever.
        reason = getattr(error, "strerror", None) or "not enough memory"
        raise InputError(f"cannot read {path}: {reason}; run again") from error
    if is_unreadable(source.table.ids[row]):  # it could not be read a moment ago
        raise InputError(f"{path} was not readable for a moment; run again")
    return Outcome(pixels, tuple(sorted(decoded.repairs - {MISNAMED})), decoded.format)
