"""What every source is."""

from typing import Protocol

from vitlab.data.decode import Decoded
from vitlab.data.table import Table


class Source(Protocol):
    """A table of images, and each of them as RGB."""

    table: Table

    def read(self, row: int) -> Decoded:
        """Raises `DecodeError` for a file that is no whole image."""
        ...

    def content(self, row: int) -> bytes:
        """The bytes of its file. Raises OSError if they cannot be read."""
        ...
