"""One publisher's names for one family of networks, and the check that a file fits them."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from vitlab.errors import InputError
from vitlab.weights.layouts.changes import Change, unchanged

T = TypeVar("T")
Tensors = Mapping[str, np.ndarray]
Shapes = Mapping[str, tuple[int, ...]]
Resize = Callable[[np.ndarray, tuple[int, ...]], np.ndarray]

HEAD = "head/"
ANSWER = re.compile(r"head/(?:output/)?(?:kernel|bias)")  # of the layer that has a unit for each class


@dataclass(frozen=True)
class Rule:
    """A published name (a pattern that matches the whole of it), the path it fills, the change.

    `{0}`, `{1}` in the path stand for the groups of the pattern; where a publisher counts its layers
    in another way, the path is a function of the groups, which gives none for a layer too many.
    """

    pattern: str
    path: str | Callable[..., str | None]
    change: Change = unchanged

    def target(self, name: str) -> str | None:
        match = compiled(self.pattern).fullmatch(name)
        if not match:
            return None
        build = self.path.format if isinstance(self.path, str) else self.path
        return build(*match.groups())


class Misfit(InputError):  # noqa: N818 as it reads where it is raised
    """A file and a network differ; the message lists in what."""


@dataclass
class Differences:
    """Between a file and a network, a line each; `misshapen` by the path that was to be filled."""

    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    misshapen: dict[str, str] = field(default_factory=dict)
    mistyped: list[str] = field(default_factory=list)
    filled_twice: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        kinds = (self.missing, self.unused, self.misshapen, self.mistyped, self.filled_twice)
        return any(kinds)

    def compare(self, arrays: Mapping[str, np.ndarray], wanted: Shapes) -> None:
        """Adds what is not there, and what is there in another shape."""
        for path, shape in wanted.items():
            if path not in arrays and path not in self.misshapen:
                self.missing.append(f"{path} {shape}")
            elif path in arrays and arrays[path].shape != shape:
                found = f"{path}: {arrays[path].shape} in the file, {shape} in the network"
                self.misshapen[path] = found
            elif 0 in shape:  # only the head's shape is the file's own
                self.misshapen[path] = f"{path}: {shape} in the file, a head of no classes"

    def misfit(self, source: str, publisher: str) -> Misfit:
        kinds = {
            "missing": self.missing,
            "unused": self.unused,
            "misshapen": list(self.misshapen.values()),
            "mistyped": self.mistyped,
            "filled twice": self.filled_twice,
        }
        counts = ", ".join(f"{len(found)} {kind}" for kind, found in kinds.items())
        return Misfit(
            f"weights {source}, read in the layout of {publisher}, do not fit the network: {counts}",
            *(f"  {kind}: {row}" for kind, found in kinds.items() for row in found),
        )


@dataclass(frozen=True)
class Layout:
    """How a publisher lays out a family.

    Attributes:
        rules: where each tensor goes. A tensor may fill several parameters (query, key and value
            published as one), by several rules.
        ignored: patterns of tensors that inference does not need, or that only a network with
            another option needs.
        constant: patterns of tensors that our network has built in, and the values that it has.
        counted: patterns of layers that the publisher names by a counter, which starts anywhere
            (`conv2d_95/...`), and the name under which the rules know the first (`conv2d_0/...`).
        supplied: patterns of paths that the publisher left out, and the value that they have.
        options: arguments of our network that make it compute what the publisher's does.
        before_head: path of a layer's kernel that the publisher's head reads: a network without it has
            no use for that head.
        query: pattern of kernels that are published as width x heads x width of a head.
        resize: paths whose size follows the image's, and how the publisher resamples them.
    """

    publisher: str
    rules: tuple[Rule, ...]
    ignored: tuple[str, ...] = ()
    constant: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    counted: Mapping[str, str] = field(default_factory=dict)
    supplied: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    before_head: str | None = None
    query: str | None = None
    resize: Mapping[str, Resize] = field(default_factory=dict)

    def recognised(self, names: Iterable[str]) -> int:
        """How many of the published names have a place in this layout."""
        counted = self._counted_again(names)
        return sum(self._knows(name, place) for name, place in counted.items())

    def fill(self, tensors: dict[str, np.ndarray], shapes: Shapes, source: str) -> dict[str, np.ndarray]:
        """Every parameter of `shapes` by path in float32, each from its tensor in the file `source`.

        The head is for as many classes as in the file, and left out where the file has nothing of it.
        `tensors` is emptied on the way, so that no tensor is in memory twice.

        Raises:
            Misfit: lists all parameters without a tensor or with two, all tensors without a parameter,
                all shapes that differ, and all tensors for a parameter that hold no floating-point
                numbers.
            InputError: a constant that the network does not have.
        """
        self._check_constants(tensors, source)
        arrays, differences = self._compare(tensors, shapes)
        if differences:
            raise differences.misfit(source, self.publisher)
        return arrays

    def fits(self, tensors: Tensors, shapes: Shapes) -> bool:
        """Whether tensors of these shapes, whatever is in them, fill every parameter of `shapes`."""
        _, differences = self._compare(dict(tensors), shapes)
        return not differences

    def _compare(
        self, tensors: dict[str, np.ndarray], shapes: Shapes
    ) -> tuple[dict[str, np.ndarray], Differences]:
        """All that is wanted, as far as it is there, and what differs. Empties `tensors`."""
        arrays, differences = self._place(tensors, shapes)
        arrays |= self._supply(shapes, arrays)
        has_head = any(path.startswith(HEAD) for path in (*arrays, *differences.misshapen))
        wanted = _with_classes_of(arrays, shapes) if has_head else without_head(shapes)
        differences.compare(arrays, wanted)
        return {path: arrays[path] for path in wanted if path in arrays}, differences

    def heads_in(self, shapes: Shapes) -> tuple[int, ...]:
        """Every number of heads that the shapes of the published tensors tell."""
        if self.query is None:
            return ()
        query = compiled(self.query)
        kernels = (shape for name, shape in shapes.items() if query.fullmatch(name))
        return tuple(sorted({shape[1] for shape in kernels if len(shape) == 3}))

    def loses_head(self, shapes: Shapes) -> bool:
        """Whether the head of the file reads a layer that is not in `shapes`."""
        return self.before_head is not None and self.before_head not in shapes

    def _place(
        self, tensors: dict[str, np.ndarray], shapes: Shapes
    ) -> tuple[dict[str, np.ndarray], Differences]:
        """What the tensors fill, and those that fill nothing or cannot be changed. Empties `tensors`."""
        arrays: dict[str, np.ndarray] = {}
        sources: dict[str, str] = {}
        differences = Differences()
        counted = self._counted_again(tensors)
        for name in list(tensors):
            tensor, targets = tensors.pop(name), self._targets(counted[name])
            if not self._ignores(name) and not any(path in shapes for _, path in targets):
                differences.unused.append(f"{name} {tensor.shape}")
            for rule, path in targets:
                if path not in shapes:
                    continue
                if path in sources:
                    differences.filled_twice.append(f"{path}, by {sources[path]} and by {name}")
                sources[path] = name
                if tensor.dtype.kind != "f":
                    row = f"{name} holds {tensor.dtype}, for {path}; weights are floating-point numbers"
                    differences.mistyped.append(row)
                try:
                    array = self._resized(path, rule.change(tensor), shapes[path])
                    arrays[path] = _float32(array)
                except (ValueError, IndexError):  # it has not even as many axes as it should
                    row = f"{name} {tensor.shape}, for {path} {shapes[path]}"
                    differences.misshapen[path] = row
        return arrays, differences

    def _supply(self, shapes: Shapes, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the publisher left out."""
        return {
            path: np.full(shape, value, np.float32)
            for path, shape in shapes.items()
            for pattern, value in self.supplied.items()
            if path not in arrays and compiled(pattern).fullmatch(path)
        }

    def _knows(self, name: str, counted: str) -> bool:
        return bool(self._any_rule.fullmatch(counted) and self._targets(counted)) or self._ignores(name)

    @functools.cached_property
    def _any_rule(self) -> re.Pattern[str]:
        """What no rule knows fails this one pattern, and not each of them."""
        return re.compile("|".join(f"(?:{rule.pattern})" for rule in self.rules))

    def _targets(self, name: str) -> list[tuple[Rule, str]]:
        found = [(rule, rule.target(name)) for rule in self.rules]
        return [(rule, path) for rule, path in found if path is not None]

    def _ignores(self, name: str) -> bool:
        return any(compiled(pattern).fullmatch(name) for pattern in (*self.ignored, *self.constant))

    def _check_constants(self, tensors: Tensors, source: str) -> None:
        for name, tensor in tensors.items():
            for pattern, values in self.constant.items():
                if not compiled(pattern).fullmatch(name):
                    continue
                fits = tensor.shape == (len(values),)
                if not fits or not np.allclose(tensor, values, rtol=1e-3):
                    found = tensor.tolist() if fits else f"an array of shape {tensor.shape}"
                    raise InputError(
                        f"weights {source}: {name} holds {found}, but the network is built "
                        f"with {list(values)}, as {self.publisher} publishes it"
                    )

    def _counted_again(self, names: Iterable[str]) -> dict[str, str]:
        """Each name, with its layer's number replaced by its rank among the layers of its kind."""
        again = {name: name for name in names}
        for pattern, kind in self.counted.items():
            expression = compiled(rf"{pattern}(?:_(\d+))?(/.*)")
            found = {name: expression.fullmatch(name) for name in again}
            layers = {name: (int(match[1] or 0), match[2]) for name, match in found.items() if match}
            ranks = {number: rank for rank, number in enumerate(sorted({n for n, _ in layers.values()}))}
            again |= {name: f"{kind}_{ranks[number]}{rest}" for name, (number, rest) in layers.items()}
        return again

    def _resized(self, path: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        resize = self.resize.get(path)
        return resize(array, shape) if resize and array.shape != shape else array


def _float32(array: np.ndarray) -> np.ndarray:
    """What a float32 cannot hold becomes infinity; `no_numbers` tells the user which tensor has it."""
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32, order="C")


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """`re` itself remembers 512, fewer than the layouts have, and would compile them again and again."""
    return re.compile(pattern)


def with_classes(shapes: Shapes, classes: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the same network with a head for so many classes."""
    counted = {path: (*shape[:-1], classes) for path, shape in shapes.items() if ANSWER.fullmatch(path)}
    return {**shapes, **counted}


def without_head(by_path: Mapping[str, T]) -> dict[str, T]:
    return {path: value for path, value in by_path.items() if not path.startswith(HEAD)}


def _with_classes_of(arrays: Mapping[str, np.ndarray], shapes: Shapes) -> Shapes:
    """With a head for as many classes as the bias in `arrays`, or the kernel where there is none."""
    for path in sorted(filter(ANSWER.fullmatch, arrays)):
        if arrays[path].ndim:
            return with_classes(shapes, arrays[path].shape[-1])
    return shapes


def answer_bias(by_path: Mapping[str, T]) -> str | None:
    """The path of the bias that the head adds last, if it is there."""
    return next((path for path in (f"{HEAD}bias", f"{HEAD}output/bias") if path in by_path), None)
