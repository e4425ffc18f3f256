"""Handwriting that needs no download."""

import hashlib
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from vitlab.data.decode import Decoded
from vitlab.data.sources.remarks import Remark
from vitlab.data.table import Table


class Digits:
    """1797 handwritten digits of 8 x 8 pixels (Alpaydin and Kaynak 1998), shipped by scikit-learn."""

    remarks: tuple[Remark, ...] = ()

    def __init__(self) -> None:
        from sklearn.datasets import load_digits  # late: its import takes a second

        digits = load_digits()
        # Sixteen grey levels, ink is high.
        self._images = np.round(digits.images * (255 / 16)).astype(np.uint8)
        self.table = Table(
            ids=tuple(hashlib.sha256(image.tobytes()).hexdigest() for image in self._images),
            paths=tuple(f"digits/{index:04d}" for index in range(len(self._images))),
            labels=digits.target.astype(np.int32),
            class_names=tuple(str(name) for name in digits.target_names),
        )

    def read(self, row: int, enough: int = 0) -> Decoded:
        return Decoded(Image.fromarray(self._images[row]).convert("RGB"), frozenset(), "PNG", "L")

    def changed(self, rows: Sequence[int]) -> list[int]:
        return []

    def content(self, row: int) -> bytes:
        """As PNG: they are in no file of their own."""
        content = io.BytesIO()
        Image.fromarray(self._images[row]).save(content, "PNG")
        return content.getvalue()
