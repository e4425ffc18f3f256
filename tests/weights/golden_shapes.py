"""Tensors with the names and shapes of the publisher's own network, as the golden files keep them."""

import json
from pathlib import Path

import numpy as np

GOLDENS = Path(__file__).parent.parent / "parity" / "goldens"


def numbered_tensors(golden: str) -> dict[str, np.ndarray]:
    """Every tensor filled with a number of its own, without memory."""
    with np.load(GOLDENS / f"{golden}.npz", allow_pickle=False) as file:
        shapes = json.loads(str(file["shapes"]))
    return {
        name: np.broadcast_to(np.float32(number), shape)
        for number, (name, shape) in enumerate(shapes.items())
    }
