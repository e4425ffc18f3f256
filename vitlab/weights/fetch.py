"""Published files by path or by name: downloaded once, held against their hash, kept in the cache."""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from vitlab import files, runtime
from vitlab.errors import InputError
from vitlab.hashes import sha256_of
from vitlab.names import unknown
from vitlab.progress import say
from vitlab.weights.catalogue import CATALOGUE, Checkpoint
from vitlab.weights.readers import READERS


class Offered(Protocol):
    """A file that its publisher offers: a Checkpoint, or another of which this is known."""

    @property
    def file_name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def stated_hash(self) -> str | None: ...
    @property
    def mebibytes(self) -> float | None: ...


def named(weights: str) -> Checkpoint | None:
    """The checkpoint of the catalogue that `weights` names; a file or folder of that name goes first."""
    return None if Path(weights).exists() else CATALOGUE.get(weights)


def locate(weights: str) -> tuple[Path, Checkpoint | None]:
    """The file that `weights` (a path, a folder of a trained model, or a name) stands for.

    A name is downloaded once, whole or not at all, and comes with what the catalogue says of it.

    Raises:
        InputError: there is no such file or name, the download failed, or the file is not the one
            that its publisher describes.
    """
    path = Path(weights)
    if path.is_dir():
        path = path / "weights.safetensors"
        if not path.is_file():
            raise InputError(
                f"{weights} is a folder without weights.safetensors; give a file, or the model/<phase> "
                "folder of a finished run"
            )
    if path.is_file():
        return path, None
    checkpoint = named(weights)
    if checkpoint:
        return fetch(checkpoint), checkpoint
    if path.suffix.lower() in READERS or path.parent != Path("."):
        raise InputError(
            f"there is no file {path}; weights are a file, the model/<phase> folder of a finished run, "
            "or a name that `python -m vitlab.convert --list` shows"
        )
    raise InputError(
        unknown("weights", weights, CATALOGUE, "model.weights or --weights", "vitlab.convert --list")
    )


def fetch(file: Offered) -> Path:
    """The file in the cache, which somebody may have put there by hand.

    A hash that no publisher states is recorded the first time, and must be the same ever after.
    """
    path = runtime.cache_folder("weights") / file.file_name
    record = path.with_name(f"{path.name}.json")
    with _alone(path):
        if not path.exists():
            _download(file, path, record)
            _record(record, file, path)
        elif record.exists():
            if sha256_of([path])[0] != _recorded(record):
                raise InputError(f"{path} is not as it was when it came (see {record}); delete it")
        else:
            _check(path, [file.stated_hash], f"{path} is not {file.address}; delete it")
            _record(record, file, path)
    return path


def _download(file: Offered, path: Path, record: Path) -> None:
    # `requests` takes a tenth of a second to import, and most runs download nothing.
    from vitlab.weights.download import FAILED, MOST_BYTES, Unfinished, download, reason_of

    say(f"weights  downloading {file.address}")
    part = path.with_name(f"{path.name}.part")
    mebibytes = file.mebibytes
    most = MOST_BYTES if mebibytes is None else round((1.1 * mebibytes + 1) * 2**20)
    try:
        stated = download(file.address, part, most)
    except FAILED as error:
        raise InputError(
            f"cannot download {file.address} ({reason_of(error)}); "
            f"try again, or fetch it elsewhere and put it at {path}"
        ) from error
    hashes = [file.stated_hash, stated and f"sha256:{stated}"]
    hashes += [f"sha256:{_recorded(record)}"] if record.exists() else []
    try:
        _check(part, hashes, f"what came from {file.address} is not {path.name}; it is removed")
    except InputError:
        Unfinished(part).remove()
        raise
    os.replace(part, path)
    Unfinished(part).remove()


def _check(file: Path, hashes: Sequence[str | None], complaint: str) -> None:
    """Raises InputError if `file` has not every one of the hashes, as far as they are stated."""
    for algorithm, _, digits in (expected.partition(":") for expected in hashes if expected):
        with open(file, "rb") as content:
            found = hashlib.file_digest(content, algorithm).hexdigest()
        if not found.startswith(digits):
            raise InputError(f"{complaint}: its {algorithm} is {found}, and should be {digits}")


def _recorded(record: Path) -> str:
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read {record}: {error}; delete it") from error


def _record(record: Path, file: Offered, path: Path) -> None:
    (digest,) = sha256_of([path])
    files.write_json(record, {"address": file.address, "sha256": digest})


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two processes that want the same file take turns; the second finds it there."""
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"weights  waiting for another process that downloads {path.name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
