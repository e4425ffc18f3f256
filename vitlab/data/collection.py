"""A source opened for one network: what can be read, its pixels, and a store per part."""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitlab import config
from vitlab.data.decode import Decoded, DecodeError
from vitlab.data.identity import changed_error
from vitlab.data.pixels import Pixels, Recipe, load_pixels
from vitlab.data.resize import Mode
from vitlab.data.sources import Source, open_source
from vitlab.data.splits import Split
from vitlab.data.stores import Store
from vitlab.data.table import PARTS, Table
from vitlab.errors import InputError
from vitlab.progress import say
from vitlab.weights import Preprocessing

MOST_NAMED = 10  # unreadable files that are named on the screen; the manifest names all


@dataclass(frozen=True)
class Collection:
    """The readable images of a source; row i of `table` is row `origin[i]` of the source's."""

    source: Source
    pixels: Pixels
    recipe: Recipe
    table: Table
    origin: np.ndarray

    def read(self, row: int) -> Decoded:
        """The image in its own size. Raises `DecodeError` if it has changed and is none any more."""
        return self.source.read(int(self.origin[row]))

    def pictures(self) -> tuple[str, ...]:
        """For each row the picture that it shows: files of the same pixels share the least id of theirs.

        Only images whose pixels are the same at the network's size are decoded for it, and they are
        compared in their own, so that a split does not depend on the network. With `dataset.decode` at
        "fast", a JPEG and the same pixels in another format are not seen to be one.

        Raises:
            InputError: a file has changed since it was read.
        """
        ids_of = defaultdict(set)
        for identity in self.table.ids:
            ids_of[self.pixels.checksums[identity]].add(identity)
        alike = set().union(*(ids for ids in ids_of.values() if len(ids) > 1))
        same = defaultdict(list)
        for identity, row in self.table.first_rows().items():
            if identity in alike:
                same[self._digest(row)].append(identity)
        shown = {identity: min(ids) for ids in same.values() for identity in ids}
        return tuple(shown.get(identity, identity) for identity in self.table.ids)

    def _digest(self, row: int) -> str:
        try:
            return self.read(row).digest
        except (DecodeError, OSError) as error:
            raise changed_error(self.table.paths[row]) from error

    def store(self, rows: np.ndarray, *, training: bool = False) -> Store:
        """Exact pixels, but for training, which takes what `dataset.decode` says.

        Raises:
            InputError: a file is gone, or its exact pixels cannot be had.
        """
        origin, pixels, recipe = self.origin[rows], self.pixels, self.recipe
        if recipe.decode != "exact" and not training:
            recipe = dataclasses.replace(recipe, decode="exact")
            pixels = load_pixels(self.source, recipe, origin)
            for path, reason in pixels.unreadable.items():
                raise InputError(f"{path} can be decoded fast, but not exactly ({reason}); remove it")
        ids = [self.table.ids[row] for row in rows]
        key = _key(ids, pixels, recipe)
        return Store(pixels.array, pixels.rows[origin], self.table.labels[rows], key)

    def stores(self, split: Split) -> dict[str, Store]:
        """The store of each part of a split of this table."""
        return {part: self.store(split.rows(part), training=part == "train") for part in PARTS}


def open_collection(
    settings: config.Dataset, preprocessing: Preprocessing, mode: Mode, *, fewest_classes: int = 2
) -> Collection:
    """Lists, reads and resizes all images, and says by name which cannot be read.

    Raises:
        InputError: the source cannot be opened, or a class has no readable image.
    """
    source = open_source(settings, fewest_classes)
    recipe = Recipe(preprocessing, mode, settings.decode)
    pixels = load_pixels(source, recipe)
    _say_unreadable(pixels.unreadable, len(source.table))
    readable = np.flatnonzero(pixels.rows >= 0)
    table = source.table.select(readable)
    empty = [name for name, count in table.class_counts().items() if not count]
    if empty:
        raise InputError(
            f"no image of class {empty[0]!r} can be read ({settings.path}); put its images there, or "
            "name the other classes in --config.dataset.classes"
        )
    return Collection(source, pixels, recipe, table, readable)


def align(collection: Collection, split: Split) -> tuple[Collection, Split]:
    """A stored split and the images as they are now, row by row the same.

    Files that were renamed within their class are found by their id; new ones are left out. The split
    says who is in which part; what else is known of an image is what the source says now.

    Raises:
        InputError: images of the split are gone or changed, or a part has none.
    """
    split.check_parts()
    now, stored = collection.table, split.table
    waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in range(len(now)):
        waiting[now.ids[row], now.class_names[now.labels[row]]].append(row)
    rows, gone = [], []
    for row in range(len(stored)):
        found = waiting[stored.ids[row], stored.class_names[stored.labels[row]]]
        if found:
            rows.append(found.pop(0))
        else:
            gone.append(stored.paths[row])
    if gone:
        raise InputError(
            f"{len(gone)} images of the split are gone or changed, the first is {gone[0]}; "
            "put them back, or start again in a new workdir with a new split"
        )
    if len(rows) < len(now):
        say(f"warning: {len(now) - len(rows)} images are not in the split; they are left out")
    present = now.select(rows)
    table = dataclasses.replace(stored, paths=present.paths, columns=present.columns)
    origin = collection.origin[rows]
    aligned = dataclasses.replace(collection, table=table, origin=origin)
    return aligned, Split(table, split.parts)


def _key(ids: Sequence[str], pixels: Pixels, recipe: Recipe) -> str:
    """Of a store: its images in their order, how their pixels are made, and what came of it."""
    lines = [recipe.key, *(f"{identity} {pixels.checksums[identity]}" for identity in ids)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _say_unreadable(unreadable: dict[str, str], total: int) -> None:
    if not unreadable:
        return
    say(f"warning: {len(unreadable)} of {total} files cannot be read and are left out:")
    for path, reason in list(unreadable.items())[:MOST_NAMED]:
        say(f"  {path}: {reason}")
    if len(unreadable) > MOST_NAMED:
        say(f"  ... and {len(unreadable) - MOST_NAMED} more; all are in manifest.json")
