"""The SHA-256 of files, remembered by path, size and time of change: a file is read once."""

import contextlib
import hashlib
import os
import sqlite3
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vitlab import runtime
from vitlab.errors import InputError
from vitlab.progress import track

State = tuple[bytes, int, int]  # path, bytes, time of change in nanoseconds
NOT_A_FILE = -1  # in the place of the bytes


def sha256_of(files: Sequence[Path]) -> list[str | None]:
    """The hashes of `files`, in their order; None for one that cannot be read.

    Raises:
        InputError: the memory of hashes cannot be used.
    """
    states = [_state(file) for file in files]
    database = runtime.cache_folder("hashes") / "files.sqlite"
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=60)) as memory, memory:
            memory.execute("CREATE TABLE IF NOT EXISTS files (path PRIMARY KEY, bytes, time, id)")
            known = _recall(memory, states)
            new = [state for state in states if state not in known]
            fresh = dict(zip(new, _hash_all(new), strict=True))
            memory.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                [(*state, digest) for state, digest in fresh.items() if digest],
            )
    except sqlite3.Error as error:
        raise InputError(f"cannot use {database}: {error}; delete it, or free its disk") from error
    return [known.get(state) or fresh[state] for state in states]


def _hash_all(states: Sequence[State]) -> list[str | None]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(track(pool.map(_hash, states), len(states), "reading files", "files"))


def _recall(memory: sqlite3.Connection, states: Sequence[State]) -> dict[State, str]:
    known = {}
    for state in states:
        query = "SELECT id FROM files WHERE path = ? AND bytes = ? AND time = ?"
        found = memory.execute(query, state).fetchone()
        if found:
            known[state] = found[0]
    return known


def _state(file: Path) -> State:
    path = os.fsencode(file.absolute())
    try:
        status = file.stat()
    except OSError:
        return path, NOT_A_FILE, 0
    if not stat.S_ISREG(status.st_mode):
        return path, NOT_A_FILE, 0
    return path, status.st_size, status.st_mtime_ns


def _hash(state: State) -> str | None:
    path, size, _ = state
    if size == NOT_A_FILE:  # a pipe would keep us waiting for ever
        return None
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
