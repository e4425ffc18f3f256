"""PyTorch's zip checkpoints, honest and hostile, written without PyTorch."""

import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np


class Global:
    """Stands for a name that the pickle imports."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class Storage:
    """Stands for a persistent id: the file `key` with `count` numbers."""

    def __init__(self, key: str, count: int, kind: str = "FloatStorage"):
        self.key, self.count, self.kind = key, count, kind


def tensor(storage: Storage, size: tuple, stride: tuple, offset: int = 0) -> "Call":
    return Call("torch._utils", "_rebuild_tensor_v2", (storage, offset, size, stride, False, None))


class Call:
    """Stands for what `module.name(*arguments)` returns when the pickle is loaded."""

    def __init__(self, module: str, name: str, arguments: tuple):
        self.function, self.arguments = Global(module, name), arguments


def dump(value: Any) -> bytes:
    """A pickle of nested dictionaries, tuples, numbers, text and the stand-ins above."""
    return b"\x80\x02" + _encode(value) + pickle.STOP


def _encode(value: Any) -> bytes:
    match value:
        case Global():
            return pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode()
        case Call():
            return _encode(value.function) + _encode(value.arguments) + pickle.REDUCE
        case Storage():
            kind = Global("torch", value.kind)
            return _encode(("storage", kind, value.key, "cpu", value.count)) + pickle.BINPERSID
        case dict():
            items = b"".join(_encode(key) + _encode(item) for key, item in value.items())
            return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
        case tuple():
            return pickle.MARK + b"".join(map(_encode, value)) + pickle.TUPLE
        case str():
            text = value.encode()
            return pickle.BINUNICODE + struct.pack("<I", len(text)) + text
        case _:
            return pickle.dumps(value, protocol=2)[2:-1]


def write(path: Path, content: bytes, storages: dict[str, np.ndarray]) -> Path:
    path.write_bytes(archive_of(content, storages))
    return path


def archive_of(content: bytes, storages: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", content)
        for key, values in storages.items():
            archive.writestr(f"archive/data/{key}", np.asarray(values).tobytes())
    return file.getvalue()


def before_zip(content: bytes, storages: dict[str, np.ndarray]) -> bytes:
    """The same as PyTorch before 1.6 wrote it."""
    magic, version = 0x1950A86A20F9469CFC6C, 1001
    machine = {"protocol_version": version, "little_endian": True, "type_sizes": {"int": 4}}
    head = b"".join(pickle.dumps(value, protocol=2) for value in (magic, version, machine))
    keys = pickle.dumps(list(storages), protocol=2)
    data = b"".join(struct.pack("<q", values.size) + values.tobytes() for values in storages.values())
    return head + content + keys + data
