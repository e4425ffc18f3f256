"""PyTorch checkpoints: a pickle describes a dictionary whose tensors lie in storages beside it."""

import io
import zipfile
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from vitlab.weights.readers.archive import open_archive
from vitlab.weights.readers.arrays import (
    LONGEST_NAME,
    Refused,
    check_count,
    check_shape,
    read_array,
)
from vitlab.weights.readers.pickle_values import ScriptModule, Storage, Tensor
from vitlab.weights.readers.pickled import describe
from vitlab.weights.readers.pytorch_before_zip import LARGEST_PICKLE, open_before_zip

# Where training scripts keep the weights inside a larger checkpoint.
_NESTED_UNDER = ("state_dict", "model_state_dict", "model")
_MOST_NAMED = 5  # of several dictionaries
_DEEPEST = 50  # modules within modules of a TorchScript archive


def read_pytorch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dictionary, possibly kept beside other things in a checkpoint, or of a
    TorchScript archive.

    Tensors that share a storage, as tied weights do, share their memory here too.
    """
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            return _tensors(*open_before_zip(file))
    with open_archive(path) as archive:
        folder = _folder(archive)
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") == b"big":
            raise Refused("it was written on a big-endian machine; save it again as .safetensors")
        content, _ = describe(io.BytesIO(archive.read(f"{folder}data.pkl")))
        return _tensors(content, lambda storage: _read_storage(archive, folder, storage))


def _folder(archive: zipfile.ZipFile) -> str:
    """The one that all members are in; its name is the publisher's."""
    members = [member for member in archive.infolist() if member.filename.endswith("/data.pkl")]
    if len(members) != 1 or members[0].file_size > LARGEST_PICKLE:
        raise Refused(f"it has {len(members)} files data.pkl where one of a few kilobytes belongs")
    return members[0].filename.removesuffix("data.pkl")


def _read_storage(archive: zipfile.ZipFile, folder: str, storage: Storage) -> np.ndarray:
    try:
        member = archive.getinfo(f"{folder}data/{storage.key}")
    except KeyError as error:
        raise Refused(f"it has no storage {storage.key}") from error
    name, shape = f"storage {storage.key}", [storage.length]
    with archive.open(member) as stream:
        return read_array(stream, name, storage.dtype, shape, member.file_size)


def _tensors(content: Any, read_storage: Callable[[Storage], np.ndarray]) -> dict[str, np.ndarray]:
    described = _state_dictionary(content)
    check_count(len(described))
    storages = {storage: read_storage(storage) for storage in {t.storage for t in described.values()}}
    return {name: _view(name, tensor, storages[tensor.storage]) for name, tensor in described.items()}


def _state_dictionary(content: Any) -> dict[str, Tensor]:
    if isinstance(content, ScriptModule):
        return dict(_script_tensors(content, "", set()))
    if not isinstance(content, dict):
        raise Refused(f"it holds a {type(content).__name__}, not a state dictionary")
    return _weights_in(content)


def _weights_in(content: dict) -> dict[str, Tensor]:
    """Its own tensors, or those of the one dictionary in it that holds weights.

    Raises:
        Refused: there are several such dictionaries, and none of the usual name.
    """
    nested = {
        str(key): _direct_tensors(value) for key, value in content.items() if _holds_weights(value)
    }
    for key in _NESTED_UNDER:
        if key in nested:
            return nested[key]
    # Beside a state dictionary may stand a tensor or two, such as the state of a random generator.
    if not nested or (_holds_weights(content) and len(_direct_tensors(content)) > len(nested)):
        return _direct_tensors(content)
    if len(nested) > 1:
        names = ", ".join(list(nested)[:_MOST_NAMED])
        raise Refused(f"it holds several dictionaries of tensors ({names}); save one of them by itself")
    return next(iter(nested.values()))


def _holds_weights(content: Any) -> bool:
    """A number, such as a loss or the step of an optimizer, is none."""
    return any(tensor.shape for tensor in _direct_tensors(content).values())


def _direct_tensors(content: Any) -> dict[str, Tensor]:
    items = content.items() if isinstance(content, dict) else ()
    return {str(name): value for name, value in items if isinstance(value, Tensor)}


def _script_tensors(
    module: ScriptModule, prefix: str, seen: set[ScriptModule]
) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a TorchScript archive under the names that their state dictionary gives them."""
    if module in seen or len(prefix) > LONGEST_NAME or prefix.count(".") > _DEEPEST:
        raise Refused(f"its modules are nested too deeply, or in a circle: {prefix[:80]}")
    seen.add(module)
    for name, value in module.attributes.items():
        if isinstance(value, ScriptModule):
            yield from _script_tensors(value, f"{prefix}{name}.", seen)
        elif isinstance(value, Tensor):
            yield f"{prefix}{name}", value


def _view(name: str, tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """NumPy checks once more that no number outside `values` is reached.

    Weights have a place for each number. That is sure where each stride is longer than the reach of
    the shorter ones together; views that interleave, such as 2 x 3 numbers with the strides 3 and 2,
    are refused too, though they read nothing twice: no layer is made so.
    """
    check_shape(name, tensor.shape)
    if not prod(tensor.shape):
        return np.empty(tensor.shape, values.dtype)
    if prod(tensor.shape) > values.size:
        raise Refused(f"{name} of shape {tensor.shape} repeats its storage of {values.size} numbers")
    steps = zip(tensor.shape, tensor.stride, strict=True)
    if tensor.offset + sum((length - 1) * step for length, step in steps) >= values.size:
        raise Refused(f"{name} reaches out of its storage of {values.size} numbers")
    reach = 0
    for step, length in sorted(zip(tensor.stride, tensor.shape, strict=True)):
        if length > 1 and step <= reach:
            raise Refused(
                f"{name} of shape {tensor.shape} has strides that overlap, {tensor.stride}; refused"
            )
        reach += (length - 1) * step
    strides = [step * values.itemsize for step in tensor.stride]
    offset = tensor.offset * values.itemsize
    return np.ndarray(tensor.shape, values.dtype, values.data, offset, strides)
