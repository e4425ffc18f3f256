"""What sources whose images are files have in common."""

import os
from collections.abc import Sequence
from pathlib import Path

from vitlab.data.decode import Decoded, decode
from vitlab.data.identity import changed
from vitlab.data.sources.remarks import Remark
from vitlab.data.table import Table


class Files:
    """The images of `table`, whose paths begin at `folder`."""

    folder: Path
    table: Table
    remarks: tuple[Remark, ...]

    def read(self, row: int, enough: int = 0) -> Decoded:
        return decode(self.folder / self.table.paths[row], enough)

    def changed(self, rows: Sequence[int]) -> list[int]:
        files = [os.path.join(self.folder, self.table.paths[row]) for row in rows]
        return [rows[place] for place in changed(files, [self.table.ids[row] for row in rows])]

    def content(self, row: int) -> bytes:
        return (self.folder / self.table.paths[row]).read_bytes()
