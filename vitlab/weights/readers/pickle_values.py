"""What a PyTorch pickle is made of: tensors and modules as descriptions, and plain containers.

Each function stands for one of PyTorch's or Python's, and takes the arguments that the pickle has for
it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from vitlab.weights.readers.arrays import LONGEST_NAME, Refused

_LONGEST_KEY = 60  # bits; from 61 on, numbers share their hash


class Storage(NamedTuple):
    """`length` numbers, which the file keeps under `key`."""

    key: str
    dtype: str
    length: int


class Tensor(NamedTuple):
    """Numbers of a storage from `offset` on; `stride` is counted in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class ScriptModule:
    """A module of a TorchScript archive: its tensors, its modules and its settings by their names.

    The archive has the code of its classes too, which nothing here reads.
    """

    def __init__(self) -> None:
        self.attributes: dict[str | int, Any] = {}


def ordered_dictionary(arguments: tuple) -> dict:
    """(), and the items follow; or, from Python 2, ([[key, value], ...],)."""
    match arguments:
        case ():
            return {}
        case (list(items),) if all(type(item) is list and len(item) == 2 for item in items):
            return dictionary(items)
    raise Refused("its pickle makes an OrderedDict from something else than items; refused")


def dictionary(items: Iterable[Sequence[Any]]) -> dict[str | int, Any]:
    table = {}
    for key, value in items:
        _check_key(key)
        table[key] = value
    return table


def _check_key(key: Any) -> None:
    """The hash of nested tuples can take for ever, and so can finding a key among long texts that are
    equal, or among numbers that Python hashes alike.
    """
    if not isinstance(key, str | int):
        raise Refused("its pickle has a key that is neither a text nor a number")
    if isinstance(key, str) and len(key) > LONGEST_NAME:
        raise Refused(f"its pickle has a key of {len(key)} letters; refused")
    if isinstance(key, int) and key.bit_length() > _LONGEST_KEY:
        raise Refused(f"its pickle has a key of {key.bit_length()} bits; refused")


def tensor(arguments: tuple) -> Tensor:
    """(storage, offset, size, stride[, requires_grad, hooks[, metadata]])."""
    match arguments:
        case [Storage() as storage, offset, tuple(shape), tuple(stride), *_] if all(
            type(number) is int and number >= 0 for number in (offset, *shape, *stride)
        ) and len(shape) == len(stride):
            return Tensor(storage, offset, shape, stride)
    raise Refused("its pickle has a tensor without a storage, or of impossible sizes or strides")


def parameter(arguments: tuple) -> Tensor:
    """(tensor, requires_grad, hooks)."""
    match arguments:
        case [Tensor() as tensor, *_]:
            return tensor
    raise Refused("its pickle has a parameter that is no tensor; refused")


def typed_list(arguments: tuple) -> Any:
    """(list[, its type]), as TorchScript writes the settings of a module."""
    match arguments:
        case [value, *_]:
            return value
    raise Refused("its pickle makes a list of nothing; refused")
