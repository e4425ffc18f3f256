"""`.npz`: a zip file of NumPy arrays, as Google publishes its Vision Transformers."""

import zipfile
from pathlib import Path

import numpy as np

from vitlab.errors import InputError
from vitlab.weights.readers.zip_limits import check_expansion


def read_numpy_archive(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name. Object arrays would need pickle, so they are refused."""
    try:
        check_expansion(path)
        with np.load(path, allow_pickle=False) as archive:
            tensors = {name: archive[name] for name in archive.files}
    except MemoryError as error:
        raise InputError(f"weights {path} declare arrays that do not fit into memory") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise InputError(f"weights {path} are not a whole .npz file: {error}") from error
    for name, tensor in tensors.items():
        if not isinstance(tensor, np.ndarray) or tensor.dtype.kind not in "fiub":
            raise InputError(f"weights {path}: {name} holds no numbers; refused")
    return tensors
