"""Published weight files, read without the framework that wrote them and without running any code.

Whatever a file says about itself is checked before memory is taken for it, so that a file of any
bytes gives its tensors or one line that says what is wrong with it.
"""

import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vitlab.errors import InputError
from vitlab.progress import warn
from vitlab.weights.readers.arrays import LARGEST_EXPANSION, LONGEST_NAME, Refused
from vitlab.weights.readers.hdf5 import SAVE_INSTEAD, read_hdf5
from vitlab.weights.readers.numpy_archive import read_numpy_archive
from vitlab.weights.readers.pytorch import read_pytorch
from vitlab.weights.readers.safetensors import read_safetensors

Tensors = dict[str, np.ndarray]

READERS: dict[str, Callable[[Path], Tensors]] = {
    ".safetensors": read_safetensors,
    ".npz": read_numpy_archive,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".pth": read_pytorch,
    ".pt": read_pytorch,
    ".bin": read_pytorch,
}


def read_tensors(path: Path) -> Tensors:
    """All tensors of a published file by their published names.

    bfloat16 is widened to float32; other types stay. A line on standard error names the tensors that
    hold NaN or infinity.

    Raises:
        InputError: the suffix is not one of READERS, or the file is not what its suffix says, is
            cut short, or asks for anything but tensors.
    """
    tensors = read_quietly(path)
    warn_of_no_numbers(path, no_numbers(tensors))
    return tensors


def read_quietly(path: Path) -> Tensors:
    """As `read_tensors`, and whoever calls it looks for what is no number himself."""
    reader = READERS.get(path.suffix.lower())
    if path.suffix.lower() == ".keras":
        raise InputError(f"weights {path}: a .keras file names no layers; {SAVE_INSTEAD}")
    if reader is None:
        raise InputError(
            f"weights {path}: the suffix {path.suffix!r} is not known; use {', '.join(READERS)}"
        )
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a device or a pipe may never end
            raise Refused("it is no file")
        tensors = reader(path)
        _check(tensors, status.st_size)
    except Refused as error:
        raise InputError(f"weights {path}: {_one_line(str(error))}") from error
    except OSError as error:
        raise InputError(f"weights {path} cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise InputError(f"weights {path} do not fit into memory") from error
    return tensors


def no_numbers(tensors: Tensors) -> str:
    """The tensors that hold NaN or infinity, and how many each; empty if there are none.

    A number beyond the range of float32, which every parameter is, counts as infinity.
    """
    counts = {name: _not_finite(tensor) for name, tensor in tensors.items()}
    found = [f"{name} ({count} of {tensors[name].size})" for name, count in counts.items() if count]
    more = f" and {len(found) - 5} more tensors" if len(found) > 5 else ""
    return ", ".join(found[:5]) + more


def warn_of_no_numbers(path: Path, found: str) -> None:
    """Says on standard error what `no_numbers` found in the file."""
    if found:
        warn(f"weights {path} hold NaN or infinity: {found}")


def _check(tensors: Tensors, file_size: int) -> None:
    if not tensors:
        raise Refused("it holds no tensors")
    for name in tensors:
        if not name.isprintable():  # names go to terminals and logs
            raise Refused(f"the name {name} cannot be printed; refused")
        if len(name) > LONGEST_NAME:  # it is matched with the patterns of every layout
            raise Refused(f"a name has {len(name)} letters, more than in any network; refused")
    unpacked = sum(tensor.nbytes for tensor in tensors.values())
    if unpacked > LARGEST_EXPANSION * file_size:
        raise Refused(f"its {file_size} bytes would unpack to {unpacked}; refused")


def _one_line(reason: str) -> str:
    """A reason can quote the file, which may hold control characters, and for pages."""
    shown = reason if len(reason) <= 400 else f"{reason[:400]}..."
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in shown)


def _not_finite(tensor: np.ndarray) -> int:
    if tensor.dtype.kind != "f" or tensor.size == 0:
        return 0
    with np.errstate(over="ignore"):
        if np.isfinite(np.array([tensor.min(), tensor.max()], np.float32)).all():  # takes no memory
            return 0
        return tensor.size - int(np.count_nonzero(np.isfinite(tensor.astype(np.float32, copy=False))))
