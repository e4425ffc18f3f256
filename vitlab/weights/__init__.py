"""Published checkpoints: reading them safely, and mapping their names onto our networks.

This room knows paths and shapes, not networks: whoever has a network hands in its shapes.
"""

from vitlab.weights.catalogue import CATALOGUE, Checkpoint, best_checkpoint, list_checkpoints
from vitlab.weights.fetch import locate, named
from vitlab.weights.layouts import OURS, Misfit, with_classes
from vitlab.weights.merges import locate_merges, read_merges
from vitlab.weights.preprocessing import Preprocessing, check_size
from vitlab.weights.published import Filled, Published, open_published
from vitlab.weights.readers import Tensors, read_tensors
from vitlab.weights.writer import read_metadata, write_safetensors

__all__ = [
    "CATALOGUE",
    "OURS",
    "Checkpoint",
    "Filled",
    "Misfit",
    "Preprocessing",
    "Published",
    "Tensors",
    "best_checkpoint",
    "check_size",
    "list_checkpoints",
    "locate",
    "locate_merges",
    "named",
    "open_published",
    "read_merges",
    "read_metadata",
    "read_tensors",
    "with_classes",
    "write_safetensors",
]
