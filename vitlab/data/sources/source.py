"""What every source is."""

from collections.abc import Sequence
from typing import Protocol

from vitlab.data.decode import Decoded
from vitlab.data.sources.remarks import Remark
from vitlab.data.table import Table


class Source(Protocol):
    """A table of images, and each of them as RGB; `remarks` say what its owner may not mean."""

    table: Table
    remarks: tuple[Remark, ...]

    def read(self, row: int, enough: int = 0) -> Decoded:
        """See `decode` for `enough`. Raises `DecodeError` for a file that is no whole image."""
        ...

    def changed(self, rows: Sequence[int]) -> list[int]:
        """Those of `rows` whose file is no more what it was when the table was made."""
        ...

    def content(self, row: int) -> bytes:
        """The bytes of its file. Raises OSError if they cannot be read."""
        ...
