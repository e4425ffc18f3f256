"""A folder of class folders, or one of these for each part."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from vitlab.data.decode import is_named_as_image
from vitlab.data.identity import identify
from vitlab.data.sources.files import Files
from vitlab.data.sources.names import check_class_names
from vitlab.data.sources.remarks import Remark
from vitlab.data.table import PART, PART_NAMES, PARTS, Table
from vitlab.errors import InputError
from vitlab.language import Message
from vitlab.place import lies_in

LEFT_BEHIND = {"__MACOSX"}  # macOS packs it beside what was meant


class Folder(Files):
    """The class of an image is the name of the folder at the top, or below `train/`, `test/` (S2-01).

    Names that start with a dot are passed over. Links to folders are followed at the top only. What
    is no file that can be opened (a broken link, a pipe) is in the table, and unreadable.
    """

    def __init__(self, path: Path):
        self.folder = path
        remarks: list[Remark] = []
        places = list(_class_folders(path, remarks))
        remarks += check_class_names([name for name, _, _ in places], str(path))
        rows, full = [], set()
        for name, part, folder in places:
            files = [(name, part, file) for file in _files(folder, remarks)]
            full |= {name} if files else set()
            rows += files
            if not files:
                what = Message("the class folder {folder} is empty; it is left out", folder=str(folder))
                remarks.append(Remark(what))
        self.remarks = tuple(remarks)
        names = {name: index for index, name in enumerate(sorted(full))}
        start = os.path.join(path, "")
        parts = tuple(part for _, part, _ in rows)
        self.table = Table(
            ids=tuple(identify([file for _, _, file in rows])),
            paths=tuple(file[len(start) :].replace(os.sep, "/") for _, _, file in rows),
            labels=np.array([names[name] for name, _, _ in rows], np.int32),
            class_names=tuple(names),
            columns={PART: parts} if any(parts) else {},
        )


def _class_folders(path: Path, remarks: list[Remark]) -> Iterator[tuple[str, str, Path]]:
    """Class, part ("" if the source names none) and folder."""
    folders = _folders(path)
    remarks += _loose_images(path)
    if not folders:
        raise InputError(
            f"{path} holds no folders; a class is a folder of images: make one for each class, or name "
            "the images and their classes in a CSV file (dataset.path)"
        )
    others = [name for name in folders if name.lower() not in PART_NAMES]
    if others and _are_parts(set(folders) - set(others)):
        remarks += _beside_parts(path, others)
        folders = [name for name in folders if name not in others]
    elif others:
        for name in folders:
            if name.lower() in PART_NAMES and _folders(path / name):
                what = Message(
                    "{folder} is taken for a class, though it is named as a part and holds folders",
                    folder=str(path / name),
                )
                remarks.append(Remark(what))
        yield from ((name, "", path / name) for name in folders)
        return
    parts = [PART_NAMES[name.lower()] for name in folders]
    if len(set(parts)) < len(parts):
        raise InputError(f"{path} holds one part twice: {', '.join(folders)}; put them together")
    for part, name in sorted(zip(parts, folders, strict=True), key=lambda pair: PARTS.index(pair[0])):
        classes = _folders(path / name)
        remarks += _loose_images(path / name)
        if not classes:
            raise InputError(f"{path / name} holds no folders; a class is a folder of images")
        yield from ((class_name, part, path / name / class_name) for class_name in classes)


def _are_parts(names: set[str]) -> bool:
    """A train folder alone may be of trains, but hardly beside a test folder: to take both for classes
    would be to train on what was held out."""
    parts = {PART_NAMES[name.lower()] for name in names}
    return "train" in parts and len(parts) > 1


def _beside_parts(path: Path, names: list[str]) -> list[Remark]:
    """Raises InputError if any of these folders, which are no parts, holds images."""
    with_images = [name for name in names if any(map(is_named_as_image, _files(path / name, [])))]
    if with_images:
        raise InputError(
            f"{path} holds folders for parts and beside them one with images that is none, "
            f"{with_images[0]!r}; move it elsewhere, or into the part that it belongs to"
        )
    what = Message(
        "folders of {folder} are no parts and hold no images; they are left out", folder=str(path)
    )
    return [Remark(what, tuple(names))]


def _folders(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.is_dir() and not entry.name.startswith(".") and entry.name not in LEFT_BEHIND
            )
    except OSError as error:
        _unreadable(error)
    for name in names:
        if lies_in(path, path / name):
            raise InputError(f"{path / name} is a link to a folder that holds it; remove the link")
    return names


def _loose_images(path: Path) -> list[Remark]:
    """Images beside class folders are easily overlooked."""
    loose = sorted(
        file.name
        for file in path.iterdir()
        if is_named_as_image(file) and not file.name.startswith(".") and file.is_file()
    )
    what = Message(
        "{n} image in {folder} is in no class folder and left out",
        "{n} images in {folder} are in no class folder and left out",
        n=len(loose),
        folder=str(path),
    )
    return [Remark(what, tuple(loose))] if loose else []


def _files(folder: Path, remarks: list[Remark]) -> Iterator[str]:
    """As text: a hundred thousand `Path`s are seconds of work and a hundred megabytes."""
    for parent, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [link for name in folders if os.path.islink(link := os.path.join(parent, name))]
        remarks += [  # it may lead in a circle, or to another class
            Remark(Message("{link} is a link to a folder; what is in it is left out", link=link))
            for link in links
        ]
        yield from (os.path.join(parent, name) for name in sorted(names) if not name.startswith("."))


def _unreadable(error: OSError) -> NoReturn:
    raise InputError(
        f"cannot open {os.fsdecode(error.filename)}: {error.strerror} (dataset.path)"
    ) from error
