"""Where labelled images come from. Each source is a table first; pixels come later, one by one."""

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn, Protocol

import numpy as np
from PIL import Image

from vitlab import config
from vitlab.data.decode import Decoded, decode
from vitlab.data.identity import identify
from vitlab.data.table import Table
from vitlab.errors import InputError
from vitlab.progress import say

# Folders that hold parts of a data set, not classes.
PART_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}


class Source(Protocol):
    """A table of images, and each of them as RGB."""

    table: Table

    def read(self, row: int, enough: int = 0) -> Decoded:
        """See `decode` for `enough`. Raises `DecodeError` for a file that is no whole image."""
        ...

    def changed(self, rows: Sequence[int]) -> list[int]:
        """Those of `rows` whose file is no more what it was when the table was made."""
        ...


def open_source(settings: config.Dataset, fewest_classes: int = 2) -> Source:
    """The source that a config names; see `Folder` and `Digits`."""
    if settings.source == "digits":
        return Digits()
    if not settings.path:
        raise InputError("dataset.path is empty; give the folder with --config.dataset.path=FOLDER")
    return Folder(Path(settings.path), fewest_classes)


class Folder:
    """A folder of class folders: the class of an image is the name of the folder at the top.

    Names that start with a dot are passed over. Links to folders are followed at the top only. What
    is no file that can be opened (a broken link, a pipe) is in the table, and unreadable.
    """

    def __init__(self, path: Path, fewest_classes: int = 2):
        self.path = path
        rows = [(name, file) for name in _class_names(path) for file in _files(path / name)]
        start = os.path.join(path, "")
        names = sorted({name for name, _ in rows})
        for empty in sorted(set(_class_names(path)) - set(names)):
            say(f"warning: the class folder {path / empty} is empty; it is left out")
        if len(names) < fewest_classes:
            raise InputError(
                f"{path} holds images of {len(names)} class{'es' * (len(names) != 1)}; put the images "
                f"of each class into a folder of its own, at least {fewest_classes} (dataset.path)"
            )
        self.table = Table(
            ids=tuple(identify([file for _, file in rows])),
            paths=tuple(file[len(start) :].replace(os.sep, "/") for _, file in rows),
            labels=np.array([names.index(name) for name, _ in rows], np.int32),
            class_names=tuple(names),
        )

    def read(self, row: int, enough: int = 0) -> Decoded:
        return decode(self.path / self.table.paths[row], enough)

    def changed(self, rows: Sequence[int]) -> list[int]:
        now = identify([os.path.join(self.path, self.table.paths[row]) for row in rows])
        return [row for row, id_ in zip(rows, now, strict=True) if id_ != self.table.ids[row]]


class Digits:
    """1797 handwritten digits of 8 x 8 pixels (Alpaydin and Kaynak 1998), shipped by scikit-learn."""

    def __init__(self) -> None:
        from sklearn.datasets import load_digits  # late: its import takes a second

        digits = load_digits()
        # Sixteen grey levels, ink is high.
        self._images = np.round(digits.images * (255 / 16)).astype(np.uint8)
        self.table = Table(
            ids=tuple(hashlib.sha256(image.tobytes()).hexdigest() for image in self._images),
            paths=tuple(f"digits/{index:04d}" for index in range(len(self._images))),
            labels=digits.target.astype(np.int32),
            class_names=tuple(str(name) for name in digits.target_names),
        )

    def read(self, row: int, enough: int = 0) -> Decoded:
        return Decoded(Image.fromarray(self._images[row]).convert("RGB"), frozenset())

    def changed(self, rows: Sequence[int]) -> list[int]:
        return []


def _class_names(path: Path) -> list[str]:
    try:
        folders = sorted(
            entry.name for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith(".")
        )
    except OSError as error:
        _unreadable(error)
    for name in folders:
        # A control character, or a byte that is no UTF-8.
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
            raise InputError(
                f"the class folder {name!r} in {path} has a name that cannot be shown; rename it"
            )
    if not folders:
        raise InputError(f"{path} holds no folders; a class is a folder of images (dataset.path)")
    if {name.lower() for name in folders} <= PART_NAMES:
        raise InputError(
            f"{path} holds the parts {', '.join(folders)}, not classes; "
            "give one part, such as --config.dataset.path=" + str(path / folders[0])
        )
    return folders


def _files(folder: Path) -> Iterator[str]:
    """As text: a hundred thousand `Path`s are seconds of work and a hundred megabytes."""
    for parent, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(parent, name) for name in sorted(names) if not name.startswith("."))


def _unreadable(error: OSError) -> NoReturn:
    raise InputError(f"cannot open {error.filename}: {error.strerror} (dataset.path)") from error
