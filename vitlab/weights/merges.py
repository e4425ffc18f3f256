"""The merges of CLIP's byte-pair encoding: where OpenAI published them, and reading them safely."""

import gzip
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path

from vitlab.errors import InputError
from vitlab.weights.fetch import fetch

COUNT = 48_894  # of the merges that CLIP uses: the first of the file, which goes on to 262,144
MOST_PACKED = 2**22  # bytes; the published file has a third of it
MOST_UNPACKED = 2**24  # bytes; the published file has a fifth of it


@dataclass(frozen=True)
class MergesFile:
    """What `fetch` wants to know of it."""

    file_name: str
    address: str
    stated_hash: str
    mebibytes: float


# OpenAI states no hash; this one is of the file in its repository and of open_clip's copy.
PUBLISHED = MergesFile(
    "bpe_simple_vocab_16e6.txt.gz",
    "https://github.com/openai/CLIP/raw/main/clip/bpe_simple_vocab_16e6.txt.gz",
    "sha256:924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
    1.3,
)


def locate_merges() -> Path:
    """OpenAI's file, downloaded once.

    Raises:
        InputError: the download failed, or the file is not OpenAI's.
    """
    return fetch(PUBLISHED)


def read_merges(path: Path) -> list[tuple[str, str]]:
    """The pairs of symbols that CLIP joins, the first to be joined first, in the file's spelling.

    Raises:
        InputError: the file cannot be read, is no gzip file or too large a one, or holds anything but
            one pair a line under a title, or too few.
    """
    try:
        lines = _unpack(path).decode().removesuffix("\n").split("\n")[1 : COUNT + 1]
    except UnicodeDecodeError as error:
        raise InputError(f"merges {path}: it is no text in UTF-8 ({error.reason})") from error
    if len(lines) < COUNT:
        raise InputError(f"merges {path}: it holds {len(lines)} merges, and CLIP has {COUNT}")
    pairs = []
    for number, line in enumerate(lines, 2):
        match line.split(" "):
            case [left, right]:
                pairs.append((left, right))
            case _:
                raise InputError(f"merges {path}: line {number}, {line[:60]!r}, is no pair")
    return pairs


def _unpack(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a device or a pipe may never end
            raise InputError(f"merges {path}: it is no file")
        if status.st_size > MOST_PACKED:
            raise InputError(f"merges {path}: it has {status.st_size} bytes, too many to be the merges")
        with gzip.open(path) as file:
            content = file.read(MOST_UNPACKED + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"merges {path}: it is not a whole gzip file: {error}") from error
    except OSError as error:
        raise InputError(f"merges {path} cannot be read: {error.strerror or error}") from error
    if len(content) > MOST_UNPACKED:
        raise InputError(f"merges {path}: it unpacks to more than {MOST_UNPACKED} bytes; refused")
    return content
