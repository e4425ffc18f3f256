"""In which part of a split each image is."""

from collections.abc import Sequence

from vitlab.data.splits import Split
from vitlab.data.table import PART, Table
from vitlab.errors import InputError
from vitlab.progress import say


def parts_of(table: Table, split: Split | None, place: str) -> tuple[str, ...]:
    """The part of each row: by `split` if one is given, else as the source says; "" where neither does.

    A file that stands in a split more than once is found by its path as well.

    Raises:
        InputError: the split is one of other images.
    """
    if split is None:
        return table.column(PART)
    by_id = dict(zip(split.table.ids, split.parts, strict=True))
    by_path = {
        (identity, path): part
        for identity, path, part in zip(split.table.ids, split.table.paths, split.parts, strict=True)
    }
    parts = tuple(
        by_path.get((identity, path), by_id.get(identity, ""))
        for identity, path in zip(table.ids, table.paths, strict=True)
    )
    missing = parts.count("")
    if missing == len(parts):
        raise InputError(f"no image of {place} is in the split; is it one of other images? (--split)")
    if missing:
        say(f"warning: {missing} images are not in the split; they are in no part")
    return parts


def in_order(parts: Sequence[str], names: Sequence[str]) -> list[str]:
    """Those of `names` that occur, then "" if some image is in none."""
    return [name for name in (*names, "") if name in set(parts)]
