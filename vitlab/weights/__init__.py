"""Published checkpoints: reading them safely, and mapping their names onto our networks.

This room knows paths and shapes, not networks: whoever has a network hands in its shapes.
"""

from vitlab.weights.catalogue import CATALOGUE, Checkpoint
from vitlab.weights.fetch import locate
from vitlab.weights.layouts import OURS, Filled
from vitlab.weights.preprocessing import Preprocessing
from vitlab.weights.published import Published, open_published
from vitlab.weights.readers import Tensors, read_tensors

__all__ = [
    "CATALOGUE",
    "OURS",
    "Checkpoint",
    "Filled",
    "Preprocessing",
    "Published",
    "Tensors",
    "locate",
    "open_published",
    "read_tensors",
]
