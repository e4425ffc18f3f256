"""A store turns row numbers into arrays; who trains on it does not know what lies behind."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Store:
    """Inputs (pixels mapped from disk, or embeddings in memory) and labels.

    Example i is `inputs[rows[i]]` with `labels[i]`.
    """

    inputs: np.ndarray
    rows: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def fetch(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inputs and labels of these examples, copied out."""
        return np.asarray(self.inputs[self.rows[indices]]), self.labels[indices]
