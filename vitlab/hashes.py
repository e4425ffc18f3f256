"""The SHA-256 of files, remembered by path, size and time of change: a file is read once."""

import contextlib
import hashlib
import itertools
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from vitlab import runtime
from vitlab.errors import InputError
from vitlab.progress import Progress, say
from vitlab.threads import helpers

T = TypeVar("T")

State = tuple[bytes, int, int]  # path, bytes, time of change in nanoseconds
NOT_A_FILE = -1  # in the place of the bytes

AT_ONCE = 1000  # files that are looked up, read and remembered together
PER_TASK = 10  # of them, as many as a thread takes: to hand over one costs as much as to read it


def sha256_of(files: Sequence[str | os.PathLike[str]]) -> list[str | None]:
    """The hashes of `files`, in their order; None for one that cannot be read.

    Raises:
        InputError: the memory of hashes cannot be used.
    """
    database = runtime.cache_folder("hashes") / "files.sqlite"
    try:
        return _sha256_of(files, database)
    except sqlite3.OperationalError as error:  # locked, or a full disk
        raise InputError(f"cannot use {database}: {error}; delete it, or free its disk") from error
    except sqlite3.DatabaseError as error:
        say(f"warning: {database} is damaged ({error}); it is made again")
        database.unlink(missing_ok=True)
        return _sha256_of(files, database)


def _sha256_of(files: Sequence[str | os.PathLike[str]], database: Path) -> list[str | None]:
    progress = Progress(len(files), "reading files", "files")
    hashes: list[str | None] = []
    with (
        contextlib.closing(sqlite3.connect(database, timeout=60)) as memory,
        helpers() as pool,
    ):
        memory.execute("CREATE TABLE IF NOT EXISTS files (path PRIMARY KEY, bytes, time, id)")
        for some in _groups(files, AT_ONCE):
            states = [_state(file) for file in some]
            known = _recall(memory, states)
            new = [state for state in states if state not in known]
            fresh = pool.map(_hash_all, _groups(new, PER_TASK))
            digests = dict(zip(new, itertools.chain.from_iterable(fresh), strict=True))
            with memory:
                memory.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                    [(*state, digest) for state, digest in digests.items() if digest],
                )
            hashes += [known.get(state) or digests[state] for state in states]
            progress.advance(len(some))
    progress.close()
    return hashes


def _groups(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))


def _recall(memory: sqlite3.Connection, states: Iterable[State]) -> dict[State, str]:
    """What is known of these states, by one question for all of them."""
    states = set(states)
    marks = ",".join("?" * len(states))
    query = f"SELECT path, bytes, time, id FROM files WHERE path IN ({marks})"
    rows = memory.execute(query, [path for path, _, _ in states])
    return {
        (path, size, time): digest for path, size, time, digest in rows if (path, size, time) in states
    }


def _state(file: str | os.PathLike[str]) -> State:
    path = os.fsencode(os.path.abspath(file))
    try:
        status = os.stat(path)
    except OSError:
        return path, NOT_A_FILE, 0
    if not stat.S_ISREG(status.st_mode):
        return path, NOT_A_FILE, 0
    # Unlike the time of modification, which archives and `cp -p` bring along, it is the system's own.
    return path, status.st_size, status.st_ctime_ns


def _hash_all(states: Sequence[State]) -> list[str | None]:
    return [_hash(state) for state in states]


def _hash(state: State) -> str | None:
    path, size, _ = state
    if size == NOT_A_FILE:  # a pipe would keep us waiting for ever
        return None
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
