"""The id of an image is the SHA-256 of its file.

A file that cannot be read has an id too, from its path: it is named among the unreadable ones later.
"""

import hashlib
import os
from collections.abc import Sequence

from vitlab.errors import InputError
from vitlab.hashes import sha256_of

UNREADABLE = "unreadable:"


def identify(files: Sequence[str | os.PathLike[str]]) -> list[str]:
    """The ids of `files`, in their order. Only new and changed files are read.

    Raises:
        InputError: the memory of hashes cannot be used.
    """
    return [
        digest or UNREADABLE + hashlib.sha256(os.fsencode(os.path.abspath(file))).hexdigest()
        for file, digest in zip(files, sha256_of(files), strict=True)
    ]


def short_ids(ids: Sequence[str]) -> list[str]:
    """Enough of each to tell millions of images apart, and a quarter of the room."""
    return [id_[:16] for id_ in ids]


def changed(files: Sequence[str | os.PathLike[str]], ids: Sequence[str]) -> list[int]:
    """The places of those files whose content is no more that of their id."""
    now = identify(files)
    return [place for place, id_ in enumerate(ids) if now[place] != id_]


def changed_error(path: str) -> InputError:
    """Of a file that is no more what it was a moment ago, whatever came of reading it."""
    return InputError(
        f"{path} changed or disappeared while it was read; put it back, or run again without it"
    )


def is_unreadable(identity: str) -> bool:
    return identity.startswith(UNREADABLE)
