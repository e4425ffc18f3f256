"""Zip files, whose members are read in place: nothing is extracted, so their paths are only names."""

import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitlab.weights.readers.arrays import LARGEST_EXPANSION, Refused, check_count

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_LONGEST_DIRECTORY = 2**22  # of tens of thousands of members; the largest networks have a thousand
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
        with _Bounded(open(path, "rb", buffering=0)) as file, zipfile.ZipFile(file) as archive:
            _check(archive.infolist(), path.stat().st_size)
            yield archive
    except _DAMAGE as error:
        raise Refused(f"it is not a whole zip file: {error or type(error).__name__}") from error


class _Bounded(io.BufferedReader):
    """A file of which only so much can be had at once.

    `zipfile` reads the directory of members in one piece, of whatever length the file (in one of two
    records, in one of several places) says, and makes an object of half a kilobyte for every 46 bytes.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LONGEST_DIRECTORY:
            raise Refused(f"its directory of {size} bytes is longer than that of any weights")
        return super().read(size)


def _check(members: list[zipfile.ZipInfo], packed: int) -> None:
    check_count(len(members))
    unpacked = sum(member.file_size for member in members)
    if unpacked > LARGEST_EXPANSION * packed:
        raise Refused(f"its {packed} bytes would unpack to {unpacked}; refused")
    for name, count in Counter(member.filename for member in members).items():
        if count > 1:
            raise Refused(f"it holds {count} members of the name {name}; refused")
    for member in members:
        if member.flag_bits & _ENCRYPTED or member.compress_type not in _COMPRESSIONS:
            raise Refused(f"{member.filename} is encrypted or compressed in an unusual way; refused")
