"""A published checkpoint: the layout that it is in, and its arrays under our names.

A file is converted once: what came of it is kept in the cache, by the file's hash, the shapes of the
network and the text of the name maps.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vitlab import files, runtime
from vitlab.errors import InputError
from vitlab.hashes import sha256_of
from vitlab.weights.catalogue import Checkpoint
from vitlab.weights.layouts import LAYOUTS, OURS, Filled, Layout, ours_from
from vitlab.weights.layouts.layout import HEAD, Shapes, with_classes
from vitlab.weights.readers import Tensors, read_tensors
from vitlab.weights.writer import write_safetensors


@dataclass(frozen=True)
class Published:
    """A file whose layout is known.

    Attributes:
        checkpoint: what the catalogue says of it, if it is there.
        made_from: of a file of vitlab's own, the `origin` of what it was made from.
    """

    path: Path
    sha256: str
    family: str
    layout: Layout
    checkpoint: Checkpoint | None = None
    made_from: Mapping[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> dict[str, Any]:
        """Where the weights come from, for manifests and headers."""
        origin: dict[str, Any] = {
            "weights": str(self.path),
            "sha256": self.sha256,
            "layout": self.layout.publisher,
        }
        if self.checkpoint:
            origin |= {
                "name": self.checkpoint.name,
                "address": self.checkpoint.address,
                "licence": self.checkpoint.licence,
            }
        if self.made_from:
            origin["made_from"] = dict(self.made_from)
        return origin

    def remembering(self, origin: Mapping[str, Any]) -> "Published":
        """A file of vitlab's own as its first publisher would resample it, which `origin` names.

        Raises:
            InputError: it names a publisher whose layout is not known.
        """
        first = origin
        while first.get("layout") == OURS and isinstance(first.get("made_from"), dict):
            first = first["made_from"]
        publisher = str(first.get("layout", OURS))  # weights that learned from nothing have none
        try:
            layout = ours_from(self.family, publisher)
        except KeyError:
            raise InputError(
                f"weights {self.path} were made from the layout of {publisher}, which is not known for "
                f"a {self.family}; convert the published file again"
            ) from None
        return dataclasses.replace(self, layout=layout, made_from=origin)

    def check(self, shapes: Shapes) -> None:
        """Raises InputError if the file does not fit a network of these shapes (see `Layout.fill`)."""
        if self._is_ours:
            self._read(shapes)
        elif not self._conversion(shapes).exists():
            self._convert(shapes)

    def fill(self, shapes: Shapes) -> Filled:
        """Every parameter of a network, by path; a head for another number of classes is left out."""
        arrays = self.arrays(shapes)
        head = {path for path in shapes if path.startswith(HEAD)}
        classes = arrays[f"{HEAD}bias"].size if f"{HEAD}bias" in arrays else None
        has_head = all(path in arrays and arrays[path].shape == shapes[path] for path in head)
        kept = {path: array for path, array in arrays.items() if has_head or path not in head}
        return Filled(kept, has_head, classes)

    def arrays(self, shapes: Shapes) -> dict[str, np.ndarray]:
        """The arrays of the backbone in `shapes`, and the head as the file has it."""
        if self._is_ours:
            return self._read(shapes)
        self.check(shapes)
        return read_tensors(self._conversion(shapes))

    @property
    def _is_ours(self) -> bool:
        return self.layout.publisher == OURS

    def _convert(self, shapes: Shapes) -> None:
        arrays = self._read(shapes)
        header = {key: value for key, value in self.origin.items() if value}
        with files.replacing(self._conversion(shapes)) as unfinished:
            write_safetensors(unfinished, arrays, header)

    def _read(self, shapes: Shapes) -> dict[str, np.ndarray]:
        """From the published file itself."""
        tensors = read_tensors(self.path)
        classes = self.layout.classes(tensors)
        wanted = with_classes(shapes, classes) if classes else shapes
        return self.layout.fill(tensors, wanted, str(self.path)).arrays

    def _conversion(self, shapes: Shapes) -> Path:
        """Where the converted file lies, once there is one."""
        backbone = {path: shape for path, shape in shapes.items() if not path.startswith(HEAD)}
        key = _digest(_code(), self.sha256, self.layout.publisher, sorted(backbone.items()))
        return runtime.cache_folder("converted") / f"{key}.safetensors"


def open_published(path: Path, family: str, checkpoint: Checkpoint | None = None) -> Published:
    """Finds the layout of `family` that knows most of a file's names.

    Raises:
        InputError: the file cannot be read (see `read_tensors`), or no layout of the family knows
            even half of its names; the message says which other family would.
    """
    (sha256,) = sha256_of([path])
    if sha256 is None:
        raise InputError(f"weights {path} cannot be read")
    layouts = {layout.publisher: layout for layout in LAYOUTS[family]}
    note = runtime.cache_folder("converted") / f"{_digest(_code(), sha256, family)}.layout"
    known = note.read_text(encoding="utf-8") if note.exists() else None
    if known not in layouts:
        known = _recognise(path, family)
        files.write_text(note, known)
    return Published(path, sha256, family, layouts[known], checkpoint)


def _recognise(path: Path, family: str) -> str:
    tensors = read_tensors(path)
    layout = _best(tensors, LAYOUTS[family])
    if 2 * layout.recognised(tensors) < len(tensors):
        raise InputError(_misfit(path, family, tensors))
    return layout.publisher


def _best(tensors: Tensors, layouts: tuple[Layout, ...]) -> Layout:
    return max(layouts, key=lambda layout: layout.recognised(tensors))


@functools.cache
def _code() -> str:
    """A conversion is only as good as the name maps that made it."""
    maps = sorted(Path(__file__).with_name("layouts").glob("*.py"))
    return _digest(*(file.read_text(encoding="utf-8") for file in maps))


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def _misfit(path: Path, family: str, tensors: Tensors) -> str:
    publishers = "; ".join(layout.publisher for layout in LAYOUTS[family])
    message = f"weights {path} are in no known layout of {family} ({publishers})"
    for other, layouts in LAYOUTS.items():
        layout = _best(tensors, layouts)
        if other != family and layout.recognised(tensors) == len(tensors):
            return f"{message}; they are a {other} in the layout of {layout.publisher}"
    return f"{message}; the first of its {len(tensors)} tensors is {next(iter(tensors))}"
