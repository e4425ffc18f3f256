"""Zip files, whose members are read in place: nothing is extracted, so their paths are only names."""

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitlab.weights.readers.arrays import LARGEST_EXPANSION, Refused

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
# What `zipfile` runs into where a file lies about itself.
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    EOFError,
    ValueError,
    OverflowError,
    struct.error,
    zlib.error,
)


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Raises Refused, also while members are read, for whatever is no plain and whole zip file."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive.infolist(), path.stat().st_size)
            yield archive
    except _DAMAGE as error:
        raise Refused(f"it is not a whole zip file: {error or type(error).__name__}") from error


def _check(members: list[zipfile.ZipInfo], packed: int) -> None:
    unpacked = sum(member.file_size for member in members)
    if unpacked > LARGEST_EXPANSION * packed:
        raise Refused(f"its {packed} bytes would unpack to {unpacked}; refused")
    for name, count in Counter(member.filename for member in members).items():
        if count > 1:
            raise Refused(f"it holds {count} members of the name {name}; refused")
    for member in members:
        if member.flag_bits & _ENCRYPTED or member.compress_type not in _COMPRESSIONS:
            raise Refused(f"{member.filename} is encrypted or compressed in an unusual way; refused")
