"""A file over HTTP that goes on after a break, and is never mistaken for a whole one before it is.

Neither pooch (which starts again after a break) nor huggingface_hub (which knows only its own hub, and
keeps a cache of its own) does this for every publisher; `requests` and ranges do.
"""

import contextlib
import errno
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import requests

from vitlab import files
from vitlab.errors import InputError
from vitlab.progress import Progress

CHUNK = 1 << 16  # bytes; at most so many of what came are lost with a connection
MEBIBYTE = 1 << 20
TIMEOUTS = (20, 60)  # seconds: to connect, and between two pieces
ATTEMPTS = 5  # that bring nothing new, one after another
PAUSE = 1.0  # seconds between two attempts
MOST_BYTES = 20 << 30  # of a file whose server does not say how long it is

BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
FAILED = (requests.RequestException, OSError)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Unfinished:
    """The beginning of a file, and what shows that its server still has the same one."""

    part: Path

    @property
    def note(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    @property
    def size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def request_headers(self, address: str) -> dict[str, str]:
        """Asks for the rest if the file is the one that was begun, and else for the whole."""
        headers = {"Accept-Encoding": "identity"}  # a range counts the bytes of the file itself
        with contextlib.suppress(OSError, ValueError, KeyError):
            note = json.loads(self.note.read_text(encoding="utf-8"))
            if self.size and note["address"] == address:
                headers |= {"Range": f"bytes={self.size}-", "If-Range": note["validator"]}
        return headers

    def begin(self, address: str, response: requests.Response) -> None:
        """Forgets what there is. A weak ETag says too little to go on by (RFC 9110, 13.1.5)."""
        self.remove()
        tag = response.headers.get("ETag", "")
        validator = tag if tag.startswith('"') else response.headers.get("Last-Modified")
        if validator:
            files.write_json(self.note, {"address": address, "validator": validator})

    def remove(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


class _NoRestError(Exception):
    """The server has nothing behind the beginning that there is: it is of another file."""


def download(address: str, part: Path, most: int = MOST_BYTES) -> str | None:
    """Brings the whole of `address` into `part`, going on with what is there from an earlier time.

    Returns:
        The SHA-256 that the server stated, if it did.

    Raises:
        InputError: the disk is full, or has not the space.
        requests.RequestException: the server cannot be reached, refuses, sends more than `most`
            bytes or than it announced, or the connection broke again and again; then `part` keeps
            what came.
    """
    unfinished, failures, furthest = Unfinished(part), 0, 0
    while True:
        try:
            return _attempt(address, unfinished, most)
        except BROKEN:
            failures = 1 if unfinished.size > furthest else failures + 1
            furthest = max(furthest, unfinished.size)
            if failures == ATTEMPTS or not unfinished.size:
                raise
            time.sleep(PAUSE)
        except _NoRestError:
            unfinished.remove()


def _attempt(address: str, unfinished: Unfinished, most: int) -> str | None:
    headers, size = unfinished.request_headers(address), unfinished.size
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUTS) as response:
        _check_encrypted(address, response)
        unsatisfied = response.status_code == requests.codes.requested_range_not_satisfiable
        if unsatisfied and "Range" in headers:
            if response.headers.get("Content-Range") == f"bytes */{size}":
                return _stated_sha256(response)  # all of it was there
            raise _NoRestError
        response.raise_for_status()
        total: int | None
        if response.status_code == requests.codes.partial_content:
            total = _total(response, size)
        else:
            unfinished.begin(address, response)
            size, total = 0, _length(response)
        if (total or 0) > most:
            raise requests.exceptions.InvalidHeader(f"{total} bytes, and it should be {most} at most")
        _check_space(unfinished.part, (total or 0) - size)
        _receive(response, unfinished, total, most)
        return _stated_sha256(response)


def _check_encrypted(address: str, response: requests.Response) -> None:
    if address.startswith("https:") and not response.url.startswith("https:"):
        raise requests.exceptions.InvalidURL(f"it leads to {response.url}, which is not encrypted")


def _length(response: requests.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _total(response: requests.Response, size: int) -> int:
    """The length of the whole file, of which the server sends what comes after `size` bytes."""
    span, _, total = response.headers.get("Content-Range", "").partition("/")
    if not span.startswith(f"bytes {size}-") or not total.isdigit():
        raise requests.exceptions.InvalidHeader(f"Content-Range {span}/{total} after {size} bytes")
    return int(total)


def _check_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise _no_space(part, f"it needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free there")


def _receive(response: requests.Response, unfinished: Unfinished, total: int | None, most: int) -> None:
    size, part = unfinished.size, unfinished.part
    progress = Progress((total or 0) // MEBIBYTE, "downloading", "MiB", done=size // MEBIBYTE)
    try:
        with open(part, "ab") as file:
            for piece in response.iter_content(CHUNK):
                size += len(piece)
                if size > (total or most):
                    unfinished.remove()
                    raise requests.exceptions.InvalidHeader(f"more than {total or most} bytes came")
                file.write(piece)
                progress.advance(size // MEBIBYTE - (size - len(piece)) // MEBIBYTE)
    except OSError as error:
        if isinstance(error, requests.RequestException) or error.errno not in FULL:
            raise
        needed = "" if total is None else f"; {(total - unfinished.size) / 1e6:.1f} MB are still needed"
        raise _no_space(part, f"{error.strerror}{needed}; what came is kept") from error
    finally:
        progress.close()
    if total is not None and size < total:
        raise requests.ConnectionError(f"it ended after {size} of {total} bytes")


def _stated_sha256(response: requests.Response) -> str | None:
    """Hugging Face states it in the header of the answer that leads on to the file."""
    for answer in response.history:
        stated = answer.headers.get("X-Linked-Etag", "").strip('"')
        if len(stated) == 64:
            return stated
    return None


def _no_space(part: Path, what: str) -> InputError:
    return InputError(
        f"cannot write {part}: {what}; free some space, or set VITLAB_CACHE to another folder"
    )


def reason_of(error: Exception) -> str:
    """One line: what a server said, or how the connection failed."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} {response.reason}"
    known_by_its_name = isinstance(error, requests.ConnectionError) and "(" in str(error)
    return type(error).__name__ + ("" if known_by_its_name else f": {error}")
