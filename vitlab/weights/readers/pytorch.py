"""PyTorch's zip checkpoints, through an unpickler that can build tensors and nothing else.

A checkpoint is a zip archive: `data.pkl` describes a dictionary whose tensors point into the files
`data/0`, `data/1`, ... A pickle names the functions that rebuild its objects; only the names in
`_ALLOWED` are known here, and they stand for functions of this file.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from vitlab.errors import InputError
from vitlab.weights.readers.zip_limits import check_expansion

# Where training scripts keep the weights inside a larger checkpoint.
_NESTED_UNDER = ("state_dict", "model_state_dict", "model")


def read_pytorch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dictionary, possibly kept beside other things in a checkpoint."""
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"weights {path} are not a PyTorch zip file (an older format, or cut short); "
            "save them again with torch.save of PyTorch 1.6 or newer"
        )
    try:
        check_expansion(path)
        with zipfile.ZipFile(path) as archive:
            content = _Unpickler(archive).load()
    except (pickle.UnpicklingError, zipfile.BadZipFile, KeyError, EOFError) as error:
        raise InputError(f"weights {path} cannot be read safely: {error}") from error
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(f"weights {path} are not a sound PyTorch file: {error}") from error
    return _state_dictionary(content, path)


def _state_dictionary(content: Any, path: Path) -> dict[str, np.ndarray]:
    if not isinstance(content, Mapping):
        raise InputError(f"weights {path} hold a {type(content).__name__}, not a state dictionary")
    for key in _NESTED_UNDER:
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    tensors = {name: value for name, value in content.items() if isinstance(value, np.ndarray)}
    return {str(name).removeprefix("module."): value for name, value in tensors.items()}


@dataclass(frozen=True)
class _StorageType:
    dtype: str


@dataclass(frozen=True)
class _Storage:
    values: np.ndarray


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile):
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise pickle.UnpicklingError(f"{len(names)} files data.pkl where one belongs")
        self.archive = archive
        self.folder = names[0].removesuffix("data.pkl")
        super().__init__(io.BytesIO(archive.read(names[0])))

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which is no part of a tensor; refused"
            ) from None

    def persistent_load(self, identifier: Any) -> _Storage:
        """A storage: ("storage", type, key, device, number of elements)."""
        kind, storage_type, key, _, count = identifier
        if kind != "storage" or not isinstance(storage_type, _StorageType):
            raise pickle.UnpicklingError(f"it points to a {kind}, not a storage")
        raw = self.archive.read(f"{self.folder}data/{key}")
        values = np.frombuffer(
            raw, dtype=np.uint16 if storage_type.dtype == "bfloat16" else storage_type.dtype
        )
        if values.size != count:
            raise pickle.UnpicklingError(f"storage {key} says {count} elements and holds {values.size}")
        return _Storage(_widened(values) if storage_type.dtype == "bfloat16" else values)


def _widened(halves: np.ndarray) -> np.ndarray:
    """bfloat16 is the upper half of a float32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _rebuild_tensor(
    storage: _Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> np.ndarray:
    if len(size) != len(stride) or min((offset, *size, *stride), default=0) < 0:
        raise pickle.UnpicklingError(f"a tensor of size {size} with strides {stride}")
    reach = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if prod(size) and reach >= storage.values.size:
        raise pickle.UnpicklingError(f"a tensor of size {size} reaches out of its storage")
    if prod(size) > storage.values.size:
        raise pickle.UnpicklingError(f"a tensor of size {size} repeats its storage")
    itemsize = storage.values.itemsize
    view = np.lib.stride_tricks.as_strided(
        storage.values[offset:], size, [step * itemsize for step in stride], writeable=False
    )
    return np.ascontiguousarray(view).reshape(size)


def _rebuild_parameter(tensor: np.ndarray, *_: Any) -> np.ndarray:
    return tensor


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    **{
        ("torch", f"{name}Storage"): _StorageType(dtype)
        for name, dtype in {
            "Double": "<f8",
            "Float": "<f4",
            "Half": "<f2",
            "BFloat16": "bfloat16",
            "Long": "<i8",
            "Int": "<i4",
            "Short": "<i2",
            "Char": "i1",
            "Byte": "u1",
            "Bool": "?",
        }.items()
    },
}
