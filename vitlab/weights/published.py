"""A published checkpoint: the layout that it is in, and its arrays under our names.

A file is converted once: what came of it is kept in the cache, by the file's hash, the shapes of the
network and the text of the readers and the name maps.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vitlab import files, runtime
from vitlab.errors import InputError
from vitlab.hashes import sha256_of
from vitlab.progress import say, warn
from vitlab.typed import build
from vitlab.weights.catalogue import CATALOGUE, Checkpoint
from vitlab.weights.layouts import LAYOUTS, OURS, Layout, ours_from
from vitlab.weights.layouts.layout import HEAD, Shapes, answer_bias, without_head
from vitlab.weights.readers import Tensors, no_numbers, read_quietly, warn_of_no_numbers
from vitlab.weights.recognition import Recognition, recognise
from vitlab.weights.writer import read_metadata, write_safetensors

NO_NUMBERS = "no_numbers"  # in the header of a conversion: the tensors of NaN or infinity


@dataclass(frozen=True)
class Filled:
    """Parameters by path in float32, and what became of the head.

    `classes_in_file` is None where the file has no head; `has_head` says whether it was taken.
    """

    arrays: dict[str, np.ndarray]
    has_head: bool
    classes_in_file: int | None


@dataclass(frozen=True)
class Published:
    """A file whose layout is known.

    Attributes:
        known_by: what told the layout.
        checkpoint: what the catalogue says of it, if it is there.
        made_from: of a file of vitlab's own, the `origin` of what it was made from.
        at_hand: the file's tensors, if they were read to find its layout: who takes them empties it.
    """

    path: Path
    sha256: str
    family: str
    layout: Layout
    known_by: Recognition
    checkpoint: Checkpoint | None = None
    made_from: Mapping[str, Any] = field(default_factory=dict)
    at_hand: dict[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

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

    @property
    def trained_on(self) -> str | None:
        """What the catalogue says of the file, or of one that it was made from; None: nothing."""
        origin: Any = self.origin
        while isinstance(origin, Mapping):  # a header may say anything
            name = origin.get("name")
            if isinstance(name, str) and name in CATALOGUE:
                return CATALOGUE[name].data
            origin = origin.get("made_from")
        return None

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

    def check_heads(self, heads: int) -> None:
        """Raises InputError if the file tells another number of heads; no parameter's shape does."""
        if self.known_by.heads not in ((), (heads,)):
            found = " and ".join(map(str, self.known_by.heads))
            raise InputError(
                f"weights {self.path} are of attention with {found} heads, as the shapes of its query "
                f"kernels say, and the network has {heads} (model.options.heads or --options)"
            )

    def check(self, shapes: Shapes) -> None:
        """Raises Misfit if the file does not fit a network of these shapes (see `Layout.fill`)."""
        if self._is_ours:
            self._read(shapes)
        elif not self._conversion(shapes).exists():
            self._convert(shapes)

    def fitting(self, networks: Iterable[tuple[str, Shapes]]) -> list[str]:
        """The names of those networks that the shapes in the file fit; they may compute differently."""
        zero = np.float32(0)
        without_memory = {
            name.removeprefix(self.known_by.prefix): np.broadcast_to(zero, tensor.shape)
            for name, tensor in read_quietly(self.path).items()
        }
        return [name for name, shapes in networks if self.layout.fits(without_memory, shapes)]

    def fill(self, shapes: Shapes) -> Filled:
        """Every parameter of a network, by path; a head for another number of classes is left out, and
        so is one that reads a layer that the network lacks.
        """
        arrays = self._arrays(shapes)
        path = answer_bias(arrays)
        if path is None:
            return Filled(arrays, has_head=False, classes_in_file=None)
        has_head = arrays[path].shape == shapes[path] and not self.layout.loses_head(shapes)
        return Filled(arrays if has_head else without_head(arrays), has_head, arrays[path].size)

    def arrays(self, shapes: Shapes) -> dict[str, np.ndarray]:
        """The arrays of the backbone in `shapes`, and the head as the file has it, unless it reads a
        layer that the network lacks.
        """
        arrays = self._arrays(shapes)
        return without_head(arrays) if self.layout.loses_head(shapes) else arrays

    def _arrays(self, shapes: Shapes) -> dict[str, np.ndarray]:
        """With the head of the file in any case.

        Lines on standard error name the file's tensors that hold NaN or infinity, and say where its
        head is of no use.
        """
        if self._is_ours:
            arrays, found = self._read(shapes)
        else:
            self.check(shapes)
            arrays, found = self._converted(shapes)
        warn_of_no_numbers(self.path, found)
        if self.layout.loses_head(shapes) and f"{HEAD}bias" in arrays:
            warn(
                f"weights {self.path}: its head reads {self.layout.before_head}, which the options "
                "leave out; the head is left out too"
            )
        return arrays

    @property
    def _is_ours(self) -> bool:
        return self.layout.publisher == OURS

    def _convert(self, shapes: Shapes) -> None:
        arrays, found = self._read(shapes)
        header = {key: value for key, value in {**self.origin, NO_NUMBERS: found}.items() if value}
        with files.replacing(self._conversion(shapes)) as unfinished:
            write_safetensors(unfinished, arrays, header)

    def _converted(self, shapes: Shapes) -> tuple[dict[str, np.ndarray], str]:
        """As `_read`, from the cache; a conversion that was damaged there is made again."""
        conversion = self._conversion(shapes)
        try:
            arrays = read_quietly(conversion)
            _check_whole(arrays, shapes, conversion)
        except InputError as error:
            warn(f"{error}; it is a conversion in the cache, and is made again from {self.path}")
            self._convert(shapes)
            arrays = read_quietly(conversion)
        return arrays, read_metadata(conversion).get(NO_NUMBERS, "")

    def _read(self, shapes: Shapes) -> tuple[dict[str, np.ndarray], str]:
        """From the published file itself; and which of its tensors hold what is no number."""
        tensors = dict(self.at_hand) or read_quietly(self.path)
        self.at_hand.clear()
        found = no_numbers(tensors)
        prefix = self.known_by.prefix
        bare = {name.removeprefix(prefix): tensors.pop(name) for name in list(tensors)}
        return self.layout.fill(bare, shapes, str(self.path)), found

    def _conversion(self, shapes: Shapes) -> Path:
        """Where the converted file lies, once there is one."""
        backbone = sorted(without_head(shapes).items())
        key = _digest(_code(), self.sha256, self.layout.publisher, backbone)
        return runtime.cache_folder("converted") / f"{key}.safetensors"


def open_published(path: Path, family: str, checkpoint: Checkpoint | None = None) -> Published:
    """Finds the layout of `family` that a file is in (see `recognise`), and remembers it.

    Raises:
        InputError: the file cannot be read (see `read_tensors`), or is in no layout of the family.
    """
    (sha256,) = sha256_of([path])
    if sha256 is None:
        raise InputError(f"weights {path} cannot be read")
    layouts = {layout.publisher: layout for layout in LAYOUTS[family]}
    note = runtime.cache_folder("converted") / f"{_digest(_code(), sha256, family)}.layout"
    known_by = _noted(note) if note.exists() else None
    tensors: dict[str, np.ndarray] = {}
    if known_by is None or known_by.publisher not in layouts:
        if note.exists():
            warn(f"{note} in the cache is damaged; the layout of {path} is found again")
        tensors = dict(read_quietly(path))
        known_by = recognise(tensors, family, path)
        files.write_text(note, json.dumps(dataclasses.asdict(known_by)))
    if known_by.prefix:
        say(f"weights  {path}: all its names begin with {known_by.prefix}, which is left out")
    layout = layouts[known_by.publisher]
    return Published(path, sha256, family, layout, known_by, checkpoint, at_hand=tensors)


def _noted(note: Path) -> Recognition | None:
    try:
        return build(Recognition, json.loads(note.read_text(encoding="utf-8")), "layout")
    except (ValueError, RecursionError, TypeError, InputError):
        return None


def _check_whole(arrays: Tensors, shapes: Shapes, conversion: Path) -> None:
    found = {path: array.shape for path, array in without_head(arrays).items()}
    if found != without_head(shapes):
        raise InputError(f"weights {conversion} hold other arrays than were written there")


@functools.cache
def _code() -> str:
    """A conversion is only as good as the readers and the name maps that made it."""
    here = Path(__file__).parent
    patterns = ("layouts/*.py", "readers/*.py", "recognition.py")
    made_by = sorted(file for pattern in patterns for file in here.glob(pattern))
    return _digest(*(file.read_text(encoding="utf-8") for file in made_by))


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]
