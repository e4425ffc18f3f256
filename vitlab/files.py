"""Files are written whole or not at all: a temporary neighbour first, then one rename."""

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from vitlab.errors import InputError

# Within indented JSON; a text has no line break of its own there.
WHOLE_NUMBERS = re.compile(r"\[\n\s+((?:-?\d+,\n\s+)*-?\d+)\n\s+\]")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a free path beside `path`; the file written there becomes `path`, or is removed.

    A full disk or a folder without write permission is an `InputError` that names the file.
    """
    temporary = _neighbour(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # what cannot be written cannot be tidied either
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Like `replacing`, for a folder: it appears under its name complete, or not at all."""
    temporary = _neighbour(path)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.rglob("*"):
            _to_disk(file)
        _put(temporary, path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """In UTF-8. The parts of a file's name that are none become `\\udce9`, as JSON spells them."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: object) -> None:
    """Writes `value` as indented JSON, but lists of whole numbers on one line: the confusions of 1,000
    classes would be a million lines. NaN and infinity are a ValueError: JSON has neither."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    text = WHOLE_NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
    write_text(path, text + "\n")


def check_writable(path: Path) -> None:
    """Before long work: raises what writing `path` would raise after it. Leaves nothing behind."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = path.absolute().parent
        while not folder.exists():  # `replacing` makes it
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> InputError:
    """The user's view of a failed write: which file, why, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        advice = "free some space, or choose a folder with more"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        advice = "choose a folder that you may write to"
    else:
        advice = "choose another place"
    return InputError(f"cannot write {path}: {error.strerror or error}; {advice}")


def sweep(folder: Path, older_than_seconds: float = 0.0) -> None:
    """Removes what processes that were killed while they wrote have left anywhere in `folder`."""
    for entry in [entry for entry in folder.rglob(".*.part") if is_unfinished(entry)]:
        with contextlib.suppress(OSError):  # it may be gone by now
            if time.time() - entry.stat().st_mtime >= older_than_seconds:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def is_unfinished(path: Path) -> bool:
    """Whether it has the name of a file or folder of `replacing` that is being written."""
    return bool(re.fullmatch(r"\..+\.[0-9a-f]{8}\.part", path.name))


def _neighbour(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put(folder: Path, path: Path) -> None:
    """Under its name, in the place of an older one; another process may do the same meanwhile."""
    for is_last in (False, False, True):
        try:
            os.replace(folder, path)
            return
        except OSError as error:
            if is_last or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        shutil.rmtree(path, ignore_errors=True)
