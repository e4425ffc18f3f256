"""Whose file it is: the layout that knows its names."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from vitlab.errors import InputError
from vitlab.weights.layouts import LAYOUTS, Layout
from vitlab.weights.readers import Tensors

_MOST_WRAPPERS = 3  # modules around the network that a training script may have saved too
_FEW = 20  # names


@dataclass(frozen=True)
class Recognition:
    """What the names and shapes in a file tell.

    Attributes:
        prefix: what all its names begin with before those of the layout.
        heads: numbers of heads in its attention, where the layout tells: one, in a file that we can use.
    """

    publisher: str
    prefix: str
    heads: tuple[int, ...]


def recognise(tensors: Tensors, family: str, path: Path) -> Recognition:
    """Finds the layout of `family` that knows most of the names in the file `path`.

    Names that all begin alike, as wrappers leave them (`module.`, `model.`), may be known by what
    follows.

    Raises:
        InputError: no layout of the family knows even half of them; the message says which other family
            would.
    """
    names = list(tensors)
    for prefix in _common_prefixes(names):
        bare = [name.removeprefix(prefix) for name in names]
        layout = best_layout(bare, family)
        if 2 * layout.recognised(bare) >= len(bare):
            shapes = {name.removeprefix(prefix): tensor.shape for name, tensor in tensors.items()}
            return Recognition(layout.publisher, prefix, layout.heads_in(shapes))
    raise InputError(_misfit(path, family, names))


def _common_prefixes(names: list[str]) -> list[str]:
    """Of the modules that all tensors are in: none, `model.`, `model.module.`, up to a few."""
    prefixes = [""]
    while len(prefixes) <= _MOST_WRAPPERS:
        module, dot, _ = names[0].removeprefix(prefixes[-1]).partition(".")
        longer = prefixes[-1] + module + dot
        if not dot or not all(name.startswith(longer) for name in names):
            break
        prefixes.append(longer)
    return prefixes


def best_layout(names: Collection[str], family: str) -> Layout:
    return max(LAYOUTS[family], key=lambda layout: layout.recognised(names))


def _that_knows_all(names: list[str], family: str) -> Layout | None:
    """A file can have thousands of names; the first few tell that most families are not meant."""
    for part in (names[:_FEW], names):
        layout = best_layout(part, family)
        if layout.recognised(part) < len(part):
            return None
    return layout


def _misfit(path: Path, family: str, names: list[str]) -> str:
    publishers = "; ".join(layout.publisher for layout in LAYOUTS[family])
    message = f"weights {path} are in no known layout of {family} ({publishers})"
    for prefix in _common_prefixes(names):
        bare = [name.removeprefix(prefix) for name in names]
        for other in LAYOUTS:
            layout = _that_knows_all(bare, other)
            if other != family and layout:
                return f"{message}; they are a {other} in the layout of {layout.publisher}"
    return f"{message}; the first of its {len(names)} tensors is {names[0]}"
