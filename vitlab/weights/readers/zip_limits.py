"""A file of weights may not unpack to much more than its own size: weights hardly compress."""

import zipfile
from pathlib import Path

LARGEST_EXPANSION = 10


def check_expansion(path: Path) -> None:
    """Raises `zipfile.BadZipFile` for an archive that claims to be far larger than it is."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    packed = path.stat().st_size
    if unpacked > LARGEST_EXPANSION * packed:
        raise zipfile.BadZipFile(f"{packed} bytes would unpack to {unpacked}")
