"""Where images are, as a config or a flag says it: a folder, a table, a prepared data set, or digits."""

import os

from vitlab.errors import InputError

DIGITS = "digits"  # scikit-learn's; a folder of that name is ./digits
PREPARED = "tfds:"  # by tensorflow-datasets; its name follows
TABLES = (".csv", ".tsv", ".txt")


def is_file_or_folder(place: str) -> bool:
    return place != DIGITS and not place.startswith(PREPARED)


def check_place(place: str, setting: str) -> None:
    """Raises InputError, which names `setting`, if there is nothing of the kind."""
    if not place:
        raise InputError(f"no images are given; name their folder with {setting}=FOLDER")
    if not is_file_or_folder(place) or os.path.isdir(place):
        return
    if not os.path.isfile(place):
        raise InputError(f"there is no folder {place!r}; name it with {setting}=FOLDER")
    if not place.lower().endswith(TABLES):
        raise InputError(
            f"{place!r} is no folder, and no table, whose name ends in {' or '.join(TABLES)} ({setting})"
        )


def independent_of_here(place: str) -> str:
    """The same place from whatever folder a command is given."""
    return os.path.abspath(place) if place and is_file_or_folder(place) else place


def lies_in(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> bool:
    """Whether it is the folder, or below it, where links lead."""
    outer = os.path.realpath(folder)
    return os.path.commonpath([os.path.realpath(path), outer]) == outer
