"""What `torch.save` wrote before PyTorch 1.6, as many files of torchvision still are.

Pickles follow one another: a magic number, a version, the machine, the dictionary, the keys of the
storages; then, for each key, the length as 64 bits and the numbers.
"""

import io
import os
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from vitlab.weights.readers.arrays import BFLOAT16, LONGEST_NAME, Refused, read_array
from vitlab.weights.readers.pickle_values import Storage
from vitlab.weights.readers.pickled import describe

LARGEST_PICKLE = 2**22  # a network of a thousand tensors and its optimizer need a tenth of it

_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_VERSION = 1001


def open_before_zip(file: IO[bytes]) -> tuple[Any, Callable[[Storage], np.ndarray]]:
    """What the dictionary's pickle says, and the way to its storages."""
    pickles = io.BytesIO(file.read(LARGEST_PICKLE))
    if pickles.read(len(_MAGIC)) != _MAGIC:
        raise Refused(
            "it is no PyTorch file (or one from before 2017, or cut short); save it again with "
            "today's torch.save, or as .safetensors"
        )
    version, machine = describe(pickles)[0], describe(pickles)[0]
    if version != _VERSION or not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise Refused("it is of an unknown version or machine; save it again as .safetensors")
    content, storages = describe(pickles)
    keys, _ = describe(pickles)
    places = _places(file, pickles.tell(), keys, storages)

    def read_storage(storage: Storage) -> np.ndarray:
        place, nbytes = places[storage]
        file.seek(place)
        return read_array(file, f"storage {storage.key}", storage.dtype, [storage.length], nbytes)

    return content, read_storage


def _places(
    file: IO[bytes], place: int, keys: Any, storages: dict[str, Storage]
) -> dict[Storage, tuple[int, int]]:
    """Offset and number of bytes of each storage."""
    if not isinstance(keys, list) or not all(
        isinstance(key, str) and len(key) <= LONGEST_NAME for key in keys
    ):
        raise Refused("its list of storages is damaged")
    if len(keys) != len(storages) or set(keys) != storages.keys():
        raise Refused(f"it has {len(keys)} storages and needs {len(storages)}, or others")
    size = os.fstat(file.fileno()).st_size
    places = {}
    for key in keys:
        file.seek(place)
        length = int.from_bytes(file.read(8), "little")
        storage = storages[key]
        itemsize = 2 if storage.dtype == BFLOAT16 else np.dtype(storage.dtype).itemsize
        places[storage] = place + 8, length * itemsize
        place += 8 + length * itemsize
        if place > size:
            raise Refused(f"storage {key} is cut short, or says that it is longer than the file")
    return places
