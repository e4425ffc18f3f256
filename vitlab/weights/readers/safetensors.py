"""`.safetensors`: a header of names, types and offsets, then bytes. Safe by its design."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from vitlab.errors import InputError


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError) as error:
        raise InputError(f"weights {path} are not a whole .safetensors file: {error}") from error
