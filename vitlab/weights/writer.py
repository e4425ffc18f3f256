"""vitlab's own files of weights: `.safetensors`, with what there is to say about them in the header.

https://huggingface.co/docs/safetensors gives the format. The library's writer first copies every array;
this one takes no memory.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

METADATA = "__metadata__"
ALIGNMENT = 64  # bytes: where the first array begins


def write_safetensors(
    path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Arrays in float32 by name, in their order."""
    header: dict[str, object] = {METADATA: dict(metadata)} if metadata else {}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + 4 * array.size
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, "<f4").data)


def read_metadata(path: Path) -> dict[str, str]:
    """What the header of a `.safetensors` file says beside its arrays, which are not read."""
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError):
        return {}
