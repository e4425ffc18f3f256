"""The source that a config names."""

import os
from pathlib import Path

from vitlab import config
from vitlab.data.sources.chosen import Chosen
from vitlab.data.sources.digits import Digits
from vitlab.data.sources.folder import Folder
from vitlab.data.sources.prepared import Prepared
from vitlab.data.sources.source import Source
from vitlab.data.sources.spreadsheet import Spreadsheet
from vitlab.errors import InputError
from vitlab.place import DIGITS, PREPARED, check_place


def open_source(settings: config.Dataset, fewest_classes: int = 2) -> Source:
    """A folder, a CSV file, `tfds:NAME` or `digits`; see the classes for what each must be like.

    Raises:
        InputError: it cannot be opened, or has fewer classes.
    """
    source = _open(settings)
    for remark in source.remarks:
        remark.say()
    if settings.classes or settings.per_class:
        source = Chosen(source, settings.classes, settings.per_class)
    count = len(source.table.class_names)
    if count < fewest_classes:
        raise InputError(
            f"{settings.path} holds images of {count} class{'es' * (count != 1)}; a class is a folder "
            f"of images, or a label in a table, and at least {fewest_classes} are needed (dataset.path)"
        )
    return source


def _open(settings: config.Dataset) -> Source:
    path = settings.path
    check_place(path, "--config.dataset.path")
    if path == DIGITS:
        return Digits()
    if path.startswith(PREPARED):
        return Prepared(path.removeprefix(PREPARED), settings)
    if os.path.isdir(path):
        return Folder(Path(path))
    return Spreadsheet(settings)
