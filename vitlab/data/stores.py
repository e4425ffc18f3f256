"""A store turns row numbers into arrays; who trains on it does not know what lies behind."""

from dataclasses import dataclass

import numpy as np

from vitlab.data.packs import PackedPixels


@dataclass(frozen=True)
class Store:
    """Inputs (pixels read from packs on disk, or embeddings in memory) and labels.

    Example i is `inputs[rows[i]]` with `labels[i]`. Stores of the same `key` have the same inputs in the
    same order, in any process; where it is empty, nobody knows.
    """

    inputs: np.ndarray | PackedPixels
    rows: np.ndarray
    labels: np.ndarray
    key: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def fetch(self, indices: np.ndarray) -> np.ndarray:
        """The inputs of these examples, copied out."""
        return self.inputs[self.rows[indices]]
