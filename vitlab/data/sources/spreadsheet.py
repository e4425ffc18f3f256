"""A CSV file with a row for each image, as shops and museums export them."""

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from vitlab import config
from vitlab.data.identity import identify
from vitlab.data.sources.csv_file import CSVFile, read_csv
from vitlab.data.sources.files import Files
from vitlab.data.sources.names import check_class_names
from vitlab.data.sources.remarks import Remark
from vitlab.data.splits import COLUMNS
from vitlab.data.table import (
    DESCRIPTION,
    GROUP,
    HARD,
    PART,
    PART_NAMES,
    PARTS,
    PRIVATE,
    REPUBLISH,
    Table,
)
from vitlab.errors import InputError
from vitlab.language import Message

_FLAGS = "--config.dataset.images=FOLDER (of vitlab.evaluate: --images=FOLDER)"

# What people write where an image may be shown to others, and where not; nothing is yes.
REPUBLISH_CELLS = {"yes": "", "true": "", "1": "", "": "", "no": PRIVATE, "false": PRIVATE, "0": PRIVATE}


class Spreadsheet(Files):
    """Columns by the names in the first line; paths with "/" or "\\" (S4-01).

    Rows without a path or a label are left out and named, and so are those that give one image two
    labels. An image whose file is missing is in the table, and unreadable.
    """

    def __init__(self, settings: config.Dataset):
        file = Path(settings.path)
        self.folder = file.parent / settings.images
        content = read_csv(file, settings.encoding)
        cells = content.column(settings.columns.path, "dataset.columns.path")
        paths = [_inside(cell, self.folder, content, row) for row, cell in enumerate(cells)]
        cells = content.column(settings.columns.label, "dataset.columns.label")
        labels = [_label(cell, settings.label_separator, settings.label_level) for cell in cells]
        columns = _other_columns(content, settings.columns)
        weighty = [columns[name] for name in (PART, GROUP, HARD, REPUBLISH) if name in columns]
        rows, remarks = _usable(paths, labels, list(zip(labels, *weighty, strict=True)), content)
        if not any(os.path.exists(os.path.join(self.folder, paths[row])) for row in rows):
            raise InputError(
                f"none of the {len(rows)} images that {file} names is in {self.folder}; "
                f"name their folder with {_FLAGS}"
            )
        chosen = [labels[row] for row in rows]
        self.remarks = (*remarks, *check_class_names(chosen, str(file)))
        names = {name: index for index, name in enumerate(sorted(set(chosen)))}
        self.table = Table(
            ids=tuple(identify([os.path.join(self.folder, paths[row]) for row in rows])),
            paths=tuple(paths[row] for row in rows),
            labels=np.array([names[name] for name in chosen], np.int32),
            class_names=tuple(names),
            columns={name: tuple(column[row] for row in rows) for name, column in columns.items()},
        )


def _inside(cell: str, folder: Path, content: CSVFile, row: int) -> str:
    """The path within `folder`, "" if there is none in the cell."""
    if not cell:
        return ""
    path = PurePosixPath(cell.replace("\\", "/"))
    top = os.path.abspath(folder)
    within = os.path.relpath(os.path.join(top, path), top)
    if within.split(os.sep)[0] == os.pardir:
        raise InputError(
            f"{content.path}, line {content.lines[row]}: {cell!r} is outside of {folder}; "
            f"name a folder that holds all images with {_FLAGS}"
        )
    return PurePosixPath(within).as_posix()


def _label(cell: str, separator: str, level: int) -> str:
    """The class that a cell names: all of it, or so many levels of a tree of categories.

    A tree may stand in a list of JSON, as in `["Watches >> Wrist Watches"]`.
    """
    if not separator:
        return cell
    if cell.startswith("["):
        try:
            cell = str(json.loads(cell)[0])
        except (ValueError, LookupError, RecursionError):
            cell = cell.strip('[]" ')
    levels = [name.strip() for name in cell.split(separator)]
    return f" {separator} ".join(levels[:level]) if len(levels) >= level and all(levels[:level]) else ""


def _usable(
    paths: Sequence[str], labels: Sequence[str], facts: Sequence[tuple[str, ...]], content: CSVFile
) -> tuple[list[int], list[Remark]]:
    """The rows that are left when those without path or label, copies and contradictions are out.

    Rows of one image contradict each other if their `facts` differ: labels, parts, groups and the like.
    """
    rows_of = defaultdict(list)
    nothing = []
    for row, path in enumerate(paths):
        if path and labels[row].strip():
            rows_of[path].append(row)
        else:
            nothing.append(row)
    copies, contradictions, usable = [], [], []
    for rows in rows_of.values():
        if len({facts[row] for row in rows}) > 1:
            contradictions += rows
        else:
            usable.append(rows[0])
            copies += rows[1:]
    kept = {paths[row] for row in usable}
    remarks = []
    of = {"file": str(content.path)}
    for what, rows in (
        (
            Message(
                "{n} row of {file} has no path or no label; it is left out",
                "{n} rows of {file} have no path or no label; they are left out",
                n=len(nothing),
                **of,
            ),
            nothing,
        ),
        (
            Message(
                "{n} row of {file} names an image of which another row says something else; it is left "
                "out",
                "{n} rows of {file} name an image of which another row says something else; they are "
                "left out",
                n=len(contradictions),
                **of,
            ),
            contradictions,
        ),
        (
            Message(
                "{n} row of {file} names an image again; it is left out",
                "{n} rows of {file} name an image again; they are left out",
                n=len(copies),
                **of,
            ),
            copies,
        ),
    ):
        lines = [f"line {content.lines[row]}: {paths[row] or 'no path'}" for row in sorted(rows)]
        gone = {paths[row]: None for row in sorted(rows) if paths[row] and paths[row] not in kept}
        remarks += [Remark(what, tuple(lines), tuple(gone))] if rows else []
    return sorted(usable), remarks


def _other_columns(content: CSVFile, wanted: config.Columns) -> dict[str, list[str]]:
    """Those with a meaning, under that name, and those that are to be kept, under their own."""
    columns = {}
    for meaning, name in (
        (PART, wanted.part),
        (GROUP, wanted.group),
        (HARD, wanted.hard),
        (DESCRIPTION, wanted.description),
        (REPUBLISH, wanted.republish),
    ):
        if name:
            columns[meaning] = content.column(name, f"dataset.columns.{meaning}")
    for name in wanted.kept:
        if name in (*COLUMNS, PART, GROUP, HARD, DESCRIPTION, REPUBLISH):
            raise InputError(f"dataset.columns.kept: the name {name!r} has another meaning in a split")
        columns[name] = content.column(name, "dataset.columns.kept")
    if PART in columns:
        columns[PART] = [_part(cell, content, row) for row, cell in enumerate(columns[PART])]
    if REPUBLISH in columns:
        columns[REPUBLISH] = [
            _republish(cell, content, row) for row, cell in enumerate(columns[REPUBLISH])
        ]
    return columns


def _part(cell: str, content: CSVFile, row: int) -> str:
    if cell and cell.lower() not in PART_NAMES:
        raise InputError(
            f"{content.path}, line {content.lines[row]}: the part {cell!r}; "
            f"parts are {', '.join(PARTS)}, or nothing"
        )
    return PART_NAMES[cell.lower()] if cell else ""


def _republish(cell: str, content: CSVFile, row: int) -> str:
    if cell.lower() not in REPUBLISH_CELLS:
        raise InputError(
            f"{content.path}, line {content.lines[row]}: {cell!r} says neither yes nor no "
            "(dataset.columns.republish)"
        )
    return REPUBLISH_CELLS[cell.lower()]
