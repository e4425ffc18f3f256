"""Draws the split: who is in train, val and test, by class, with copies and groups kept together."""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from vitlab import config
from vitlab.data.bundles import Bundle, bundles_of
from vitlab.data.splits import Split
from vitlab.data.table import GROUP, PART, PARTS, Table
from vitlab.errors import InputError
from vitlab.progress import say


def draw_split(
    table: Table, settings: config.Split, seed: int, pictures: Sequence[str] | None = None
) -> Split:
    """Train, val and test with these shares of each class.

    `pictures` says which picture each row shows, if that is not its id: copies of one stay together.

    Bundles are taken in the order of a hash of their name and the seed: whatever else is in the table,
    and under whatever path they stand, they keep their place in line, so few of them change parts when
    others come or go. What a class cannot divide evenly goes to the part that is furthest below its
    share so far, so the whole has these shares too.

    Raises:
        InputError: a class has fewer bundles than there are parts, or no training image.
    """
    by_picture = dataclasses.replace(table, ids=tuple(pictures or table.ids))
    bundles = bundles_of(by_picture)
    parts = np.array(table.column(PART), dtype=object)
    if settings.folds:
        _draw_fold(parts, bundles, settings, table, seed)
    else:
        _draw_missing(parts, bundles, _shares(settings), table, seed)
    split = Split(table, tuple(parts.tolist()))
    _check_parts(Split(by_picture, split.parts))
    return split


def _shares(settings: config.Split) -> dict[str, float]:
    if not settings.test_then_val:
        return dict(zip(PARTS, settings.fractions, strict=True))
    test, val = settings.test_then_val
    return {"train": (1 - test) * (1 - val), "val": (1 - test) * val, "test": test}


def _draw_missing(
    parts: np.ndarray, bundles: Sequence[Bundle], shares: dict[str, float], table: Table, seed: int
) -> None:
    """Fills in what the source does not give: from the rows without a part, else from `train`."""
    given = set(parts) - {""}
    missing = [part for part in PARTS if part not in given]
    if "" in parts:
        pool, wanted = "", missing
        if not missing:
            count = int((parts == "").sum())
            raise InputError(
                f"{count} images have no part, the first is {table.paths[list(parts).index('')]}, and "
                f"others are in {', '.join(PARTS)}; give each one of these (dataset.columns.part)"
            )
    else:
        pool, wanted = "train", ["train", *missing]
    if "train" in missing and pool != "":
        raise InputError(f"the parts are {', '.join(sorted(given))}: there is nothing to train on")
    whole: list[Bundle] = []
    divided: list[Bundle] = []
    for bundle in bundles:
        (whole if all(parts[row] == pool for row in bundle.rows) else divided).append(bundle)
    for bundle in divided:  # a part that the source gives a copy of it, or one of its group
        taken = [parts[row] for row in bundle.rows if parts[row]]
        for row in bundle.rows:
            parts[row] = parts[row] or taken[0]
    if len(wanted) > 1:
        _deal(whole, {part: shares[part] for part in wanted}, parts, table, seed)
    else:
        for bundle in whole:
            parts[list(bundle.rows)] = wanted[0]


def _draw_fold(
    parts: np.ndarray, bundles: Sequence[Bundle], settings: config.Split, table: Table, seed: int
) -> None:
    if any(parts):
        raise InputError("split.folds draws all parts, but the source gives some; take one or the other")
    folds = {f"fold {fold}": 1.0 for fold in range(settings.folds)}
    _deal(bundles, folds, parts, table, seed)
    test = f"fold {settings.fold}"
    rest = [bundle for bundle in bundles if parts[bundle.rows[0]] != test]
    parts[parts == test] = "test"
    train, val, _ = settings.fractions
    _deal(rest, {"train": train, "val": val}, parts, table, seed)


def _deal(
    bundles: Sequence[Bundle], shares: dict[str, float], parts: np.ndarray, table: Table, seed: int
) -> None:
    """Gives each bundle one of the parts in `shares`."""
    names = list(shares)
    fractions = np.array(list(shares.values())) / sum(shares.values())
    given, due = np.zeros(len(names)), np.zeros(len(names))
    lines: dict[int, list[Bundle]] = defaultdict(list)
    for bundle in sorted(bundles, key=lambda bundle: _place_in_line(bundle.name, seed)):
        lines[bundle.label].append(bundle)
    too_small = [
        f"{table.class_names[label]} ({len(line)})"
        for label, line in sorted(lines.items())
        if len(line) < len(names)
    ]
    if too_small:
        raise InputError(
            f"a class needs {len(names)} different images or groups, one for each of "
            f"{', '.join(names)}; too few in {', '.join(too_small)}: add images or leave the class out"
        )
    for _, line in sorted(lines.items()):
        pictures = np.array([bundle.pictures for bundle in line])
        sizes = _sizes(int(pictures.sum()), fractions, due - given)
        places = _cut(pictures, sizes)
        given += np.bincount(places, pictures, len(names))
        due += fractions * pictures.sum()
        for bundle, place in zip(line, places, strict=True):
            parts[list(bundle.rows)] = names[place]


def _cut(pictures: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """For each bundle of a line the part that its middle falls into; no part stays empty."""
    middles = np.cumsum(pictures) - pictures / 2
    places = np.searchsorted(np.cumsum(sizes), middles, side="right")
    for empty in set(range(len(sizes))) - set(places.tolist()):
        bundles = np.bincount(places, minlength=len(sizes))
        spare = [index for index, place in enumerate(places) if bundles[place] > 1]
        places[min(spare, key=lambda index: abs(pictures[index] - sizes[empty]))] = empty
    return places


def _sizes(count: int, shares: np.ndarray, debt: np.ndarray) -> np.ndarray:
    """`count` divided by `shares`, at least one each; the remainder goes where most is owed."""
    exact = count * shares
    sizes = np.maximum(np.floor(exact), 1).astype(int)
    while sizes.sum() < count:
        sizes[np.argmax(exact + debt - sizes)] += 1
    while sizes.sum() > count:
        above_one = np.where(sizes > 1, sizes - exact - debt, -np.inf)
        sizes[np.argmax(above_one)] -= 1
    return sizes


def _place_in_line(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogateescape")).hexdigest()


def _check_parts(split: Split) -> None:
    """Says what the split cannot put right: copies across parts, doubtful labels, missing classes."""
    table = split.table
    parts_of, labels_of, parts_of_group = defaultdict(set), defaultdict(set), defaultdict(set)
    for group, part in zip(table.column(GROUP), split.parts, strict=True):
        parts_of_group[group].add(part)
    parted = sorted(group for group, parts in parts_of_group.items() if group and len(parts) > 1)
    if parted:
        say(
            f"warning: {len(parted)} groups, the first is {parted[0]!r}, stand in more than one part, "
            "as the source gives them; figures of val and test are too good by them"
        )
    for identity, part, label in zip(table.ids, split.parts, table.labels.tolist(), strict=True):
        parts_of[identity].add(part)
        labels_of[identity].add(label)
    first = table.first_rows()
    for where, doubt in (
        (
            parts_of,
            "stand in more than one part, as the source gives them; figures of val and test are "
            "too good by them",
        ),
        (labels_of, "stand under two classes; each stays in one part, but its label is in doubt"),
    ):
        several = sorted(first[identity] for identity, found in where.items() if len(found) > 1)
        if several:
            say(f"warning: {len(several)} pictures, the first is {table.paths[several[0]]}, {doubt}")
    split.check_parts()
    present = {part: set(table.labels[split.rows(part)].tolist()) for part in PARTS}
    for part in PARTS:
        absent = [name for label, name in enumerate(table.class_names) if label not in present[part]]
        if absent and part == "train":
            raise InputError(f"there is no training image of the class {', '.join(absent)}")
        if absent:
            say(f"warning: no {part} image of the class {', '.join(absent)}")
