"""The one pass over all images that everything in a data set's report comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitlab.data.decode import Decoded, DecodeError
from vitlab.data.identity import changed_error
from vitlab.data.inspection.measures import Measures, measure
from vitlab.data.resize import to_square
from vitlab.data.sources import Source
from vitlab.data.stores import Store
from vitlab.data.table import Table
from vitlab.errors import InputError
from vitlab.progress import track
from vitlab.threads import helpers
from vitlab.weights import Preprocessing


@dataclass(frozen=True)
class Seen:
    """What one image turned out to be; `pixels` is a hash of its size and colours as they are shown."""

    width: int
    height: int
    format: str
    mode: str
    repairs: frozenset[str]
    pixels: str
    measures: Measures


@dataclass(frozen=True)
class Examined:
    """The readable images of a source: row i of `table` is row `origin[i]` of the source's.

    Attributes:
        seen: for each row of `table`.
        unreadable: path to reason.
    """

    source: Source
    table: Table
    origin: np.ndarray
    seen: tuple[Seen, ...]
    unreadable: dict[str, str]

    def read(self, row: int) -> Decoded:
        """The image again. Raises `DecodeError` or OSError if it has changed."""
        return self.source.read(int(self.origin[row]))

    def store(self, rows: Sequence[int], preprocessing: Preprocessing) -> Store:
        """These images whole, as a network takes them; in memory, so not too many at once."""
        try:
            inputs = [to_square(self.read(row).image, preprocessing, "squash") for row in rows]
        except (DecodeError, OSError) as error:
            raise InputError(
                f"an image has changed while it was looked at: {error}; run again"
            ) from error
        return Store(np.stack(inputs), np.arange(len(rows)), self.table.labels[np.asarray(rows)])


def examine(source: Source) -> Examined:
    """Decodes every picture once, on all cores; about a kilobyte is kept of each.

    Raises:
        InputError: no image can be read, or the system is short of something.
    """
    whole = source.table
    first_row = whole.first_rows()

    def look(row: int) -> Seen | str:
        try:
            return _look(source, row)
        except DecodeError as error:
            return str(error)
        except (OSError, MemoryError) as error:
            reason = getattr(error, "strerror", None) or "not enough memory"
            raise InputError(f"cannot read {whole.paths[row]!r}: {reason}; run again") from error

    with helpers() as pool:
        found = track(pool.map(look, first_row.values()), len(first_row), "reading images", "images")
        by_id = dict(zip(first_row, found, strict=True))
    results = [by_id[identity] for identity in whole.ids]
    rows = np.array([row for row, result in enumerate(results) if isinstance(result, Seen)], int)
    unreadable = {
        path: result
        for path, result in zip(whole.paths, results, strict=True)
        if isinstance(result, str)
    }
    changed = source.changed(rows.tolist())
    if changed:
        raise changed_error(whole.paths[changed[0]])
    if not len(rows):
        path, reason = next(iter(unreadable.items()))
        raise InputError(f"none of the {len(whole)} files is an image; the first is {path!r}: {reason}")
    seen = tuple(result for result in results if isinstance(result, Seen))
    return Examined(source, whole.select(rows), rows, seen, unreadable)


def _look(source: Source, row: int) -> Seen:
    decoded = source.read(row)
    image = decoded.image
    return Seen(
        *image.size, decoded.format, decoded.mode, decoded.repairs, decoded.digest, measure(image)
    )
