"""A cleaned copy of a collection, as class folders, with a list of what was done to each image."""

import csv
import dataclasses
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vitlab import files
from vitlab.data.decode import MISNAMED, DecodeError, suffixes_of
from vitlab.data.inspection.copies import NEAR
from vitlab.data.inspection.examined import Examined
from vitlab.data.inspection.inspection import Inspection
from vitlab.data.table import PART, PARTS, PRIVATE, REPUBLISH
from vitlab.errors import InputError
from vitlab.language import Message
from vitlab.progress import track

T = TypeVar("T")

LIST = "fixed.csv"
LEFT_OUT, COPIED, REWRITTEN = Message("left out"), Message("copied"), Message("rewritten as RGB")
RENAMED = Message("copied under another name")
QUALITY = 95  # of a repaired JPEG, whose colours are kept at full resolution
LOSSY = ("JPEG", "MPO")
KEEP_PROFILE = ("RGB", "RGBA", "P")  # modes whose colour profile goes on to be right
LONGEST_NAME = 200  # bytes of a class's folder or a file's stem; disks take 255
USUAL = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif"}  # suffixes of formats that have several


@dataclass(frozen=True)
class Action:
    """What was done with one image; `target` is its path in the copy, "" if it is not there."""

    source: str
    action: str
    reason: str
    target: str


def write_clean_copy(inspection: Inspection, folder: Path, private: bool) -> list[Action]:
    """Writes `folder` whole or not at all, with `fixed.csv` in it; the collection is only read.

    Left out are unreadable images, pictures that stand under two labels, all but one of exact copies
    (the one in test stays before that in val or train, so that a test stays what it is), and, unless
    `private`, images that may not be republished: a folder could not say so.

    Raises:
        InputError: two classes would have one folder, an image has changed since it was looked at, or
            the folder cannot be written.
    """
    left_out = _left_out(inspection, private)
    examined = inspection.examined
    kept = [row for row in range(len(examined.table)) if row not in left_out]
    if not kept:
        raise InputError(
            "no image is left after cleaning: see the report, and mend the collection by hand"
        )
    targets = _targets(inspection, kept)
    actions = [
        Action(path, LEFT_OUT, f"unreadable: {reason}", "")
        for path, reason in examined.unreadable.items()
    ]
    actions += [
        Action(examined.table.paths[row], LEFT_OUT, reason, "") for row, reason in left_out.items()
    ]
    actions += [
        Action(path, LEFT_OUT, remark.what, "")
        for remark in inspection.remarks
        for path in remark.left_out
    ]
    with files.replacing_folder(folder) as unfinished:
        for row in track(kept, len(kept), "copying", "images"):
            actions.append(_copy(inspection, row, unfinished, targets[row]))
        _check_unchanged(examined, kept)
        actions.sort(key=lambda action: action.source)
        _write_list(actions, inspection, unfinished / LIST)
    return actions


def _left_out(inspection: Inspection, private: bool) -> dict[int, str]:
    """Row to reason."""
    examined = inspection.examined
    reasons: dict[int, str] = {}
    for copies in inspection.copies:
        if copies.kind == NEAR:
            continue
        if len(copies.classes) > 1:
            listed = " and ".join(copies.classes)
            reasons |= dict.fromkeys(copies.rows, f"the same picture stands under {listed}")
            continue
        usable = [row for row in copies.rows if private or not _is_private(inspection, row)]
        for row in copies.rows:
            kept = max(usable or copies.rows, key=lambda row: (_rank(inspection.parts[row]), -row))
            if row != kept:
                reasons[row] = f"{copies.kind} as {examined.table.paths[kept]}"
    if not private:
        for row in range(len(examined.table)):
            if _is_private(inspection, row):
                reasons.setdefault(row, "may not be republished (--private)")
    return reasons


def _is_private(inspection: Inspection, row: int) -> bool:
    return inspection.examined.table.column(REPUBLISH)[row] == PRIVATE


def _rank(part: str) -> int:
    return PARTS.index(part) if part in PARTS else -1


def _check_unchanged(examined: Examined, rows: Sequence[int]) -> None:
    """What was copied is what was looked at."""
    changed = examined.source.changed([int(examined.origin[row]) for row in rows])
    if changed:
        raise InputError(
            f"{examined.source.table.paths[changed[0]]!r} has changed since it was looked at; run again"
        )


def _targets(inspection: Inspection, kept: list[int]) -> dict[int, str]:
    """A free path for each row: its class's folder, in its part's if every image has one."""
    table = inspection.examined.table
    folders = class_folders(table.class_names)
    with_parts = all(inspection.parts[row] for row in kept)
    targets: dict[int, str] = {}
    taken: set[str] = set()
    for row in kept:
        name = table.paths[row].rpartition("/")[2]
        stem, suffix = os.path.splitext(name)
        suffix = _suffix(inspection, row, suffix)
        place = f"{inspection.parts[row]}/" if with_parts else ""
        start = f"{place}{folders[table.labels[row]]}/{_short(stem.lstrip('.')) or 'image'}"
        target, number = start + suffix, 1
        while target.lower() in taken:  # also where a disk takes A and a for one
            number += 1
            target = f"{start}-{number}{suffix}"
        taken.add(target.lower())
        targets[row] = target
    return targets


def class_folders(class_names: tuple[str, ...]) -> list[str]:
    """Those of a cleaned copy: a class of a category tree may have a name that is no folder's.

    Raises:
        InputError: two classes would have one folder, on a disk that takes A and a for one.
    """
    folders = [_short(re.sub(r"[/\\]", "-", name).lstrip(".")) or "class" for name in class_names]
    counts = Counter(folder.lower() for folder in folders)
    same = [
        name for name, folder in zip(class_names, folders, strict=True) if counts[folder.lower()] > 1
    ]
    if same:
        raise InputError(
            f"the classes {' and '.join(map(repr, same))} would share a folder of the copy; rename one, "
            "or put their images together"
        )
    return folders


def _short(name: str) -> str:
    """A name that a disk takes: of a longer one its beginning, and a hash to tell it from others."""
    content = os.fsencode(name)
    if len(content) <= LONGEST_NAME:
        return name
    end = f"-{hashlib.sha256(content).hexdigest()[:16]}"
    return content[: LONGEST_NAME - len(end)].decode("utf-8", "ignore") + end


def _suffix(inspection: Inspection, row: int, suffix: str) -> str:
    seen = inspection.examined.seen[row]
    if _is_rewritten(inspection, row):
        return ".jpg" if seen.format in LOSSY else ".png"
    right = suffixes_of(seen.format)
    return suffix if suffix.lower() in right else USUAL.get(seen.format, f".{seen.format}".lower())


def _is_rewritten(inspection: Inspection, row: int) -> bool:
    return bool(inspection.examined.seen[row].repairs - {MISNAMED})  # a good file, under another name


def _copy(inspection: Inspection, row: int, folder: Path, target: str) -> Action:
    examined = inspection.examined
    path, repairs = examined.table.paths[row], ", ".join(sorted(examined.seen[row].repairs))
    where = folder / target
    where.parent.mkdir(parents=True, exist_ok=True)
    if not _is_rewritten(inspection, row):
        where.write_bytes(
            _read(examined, row, lambda: examined.source.content(int(examined.origin[row])))
        )
        return Action(path, RENAMED if repairs else COPIED, repairs, target)
    image = _read(examined, row, lambda: examined.read(row)).image
    # The profile says what the file's own colours mean; those of CMYK are no more there.
    profile = image.info.get("icc_profile") if examined.seen[row].mode in KEEP_PROFILE else None
    if where.suffix == ".jpg":
        image.save(where, "JPEG", quality=QUALITY, subsampling=0, icc_profile=profile)
    else:
        image.save(where, "PNG", icc_profile=profile)
    return Action(path, REWRITTEN, repairs, target)


def _read(examined: Examined, row: int, read: Callable[[], T]) -> T:
    try:
        return read()
    except (DecodeError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{examined.table.paths[row]!r} has changed while it was copied: {reason}; run again"
        ) from error


def _write_list(actions: Sequence[Action], inspection: Inspection, path: Path) -> None:
    """What was done, with all that the collection says of an image: it is a table of the copy too."""
    table = inspection.examined.table
    row_of = {source: row for row, source in enumerate(table.paths)}
    known = {
        "label": [table.class_names[label] for label in table.labels],
        PART: inspection.parts,
        **{name: column for name, column in table.columns.items() if name != PART},
    }
    done = [field.name for field in dataclasses.fields(Action)]
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow([*done, *(f"table {name}" if name in done else name for name in known)])
        for action in actions:
            row = row_of.get(action.source)  # none for what cannot be read
            cells = [column[row] if row is not None else "" for column in known.values()]
            writer.writerow([*dataclasses.astuple(action), *cells])
