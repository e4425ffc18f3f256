"""A published checkpoint: its tensors, and the layout that they are in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vitlab.errors import InputError
from vitlab.hashes import sha256_of
from vitlab.weights.layouts import LAYOUTS, Filled, Layout
from vitlab.weights.readers import Tensors, read_tensors


@dataclass(frozen=True)
class Published:
    path: Path
    sha256: str
    layout: Layout
    tensors: Tensors

    def fill(self, shapes: Mapping[str, tuple[int, ...]]) -> Filled:
        """Every parameter of a network, by path (see `Layout.fill`)."""
        return self.layout.fill(self.tensors, shapes, str(self.path))


def open_published(path: Path, family: str) -> Published:
    """Reads a file and finds the layout of `family` that knows most of its names.

    Raises:
        InputError: the file cannot be read (see `read_tensors`), or no layout of the family knows
            even half of its names; the message says which other family would.
    """
    tensors = read_tensors(path)
    layout = _best(tensors, LAYOUTS[family])
    if 2 * layout.recognised(tensors) < len(tensors):
        raise InputError(_misfit(path, family, tensors))
    (digest,) = sha256_of([path])
    return Published(path, str(digest), layout, tensors)


def _best(tensors: Tensors, layouts: tuple[Layout, ...]) -> Layout:
    return max(layouts, key=lambda layout: layout.recognised(tensors))


def _misfit(path: Path, family: str, tensors: Tensors) -> str:
    publishers = ", ".join(layout.publisher for layout in LAYOUTS[family])
    message = f"weights {path} are in no known layout of {family} ({publishers})"
    for other, layouts in LAYOUTS.items():
        layout = _best(tensors, layouts)
        if other != family and layout.recognised(tensors) == len(tensors):
            return f"{message}; they are a {other} in the layout of {layout.publisher}"
    return f"{message}; the first of its {len(tensors)} tensors is {next(iter(tensors))}"
