"""How long reading a file of weights takes, and how much memory, as a multiple of the file's size and
of the arrays' (which bfloat16, read as float32, doubles).

    python -m experiments.speed.reading [--megabytes=350] [--rounds=3]

One file of each format is made on the spot, like VGG's: one array takes more than half of it. Fresh
processes read each file in turn: the best round's seconds, the worst round's memory, counted at its
highest, less what the process had before. (An HDF5 file is listed by one more process, of some 50 MB
whatever the file's size.)
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
from absl import flags
from safetensors.numpy import save_file

from tests.weights.pytorch_files import Storage, dump, tensor, write
from vitlab import command

Arrays = dict[str, np.ndarray]

_MEGABYTES = flags.DEFINE_integer("megabytes", 350, "Of each file.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Readings of each file.", lower_bound=1)

# Run on its own: the imports are over before the clock and the memory's baseline are taken.
READ = """
import re, sys, time
from pathlib import Path
from vitlab.weights import read_tensors

def kilobytes(field):
    return int(re.search(rf"{field}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before, start = kilobytes("VmRSS"), time.perf_counter()
tensors = read_tensors(Path(sys.argv[1]))
print(time.perf_counter() - start, kilobytes("VmHWM") - before)
"""


def main() -> None:
    print(f"{'':22}{'file, MB':>10}{'seconds':>10}{'peak memory / file':>20}{'/ arrays':>10}")
    arrays = _arrays(_MEGABYTES.value)
    with tempfile.TemporaryDirectory() as folder:
        for name, write_file in WRITERS.items():
            path = write_file(Path(folder) / name.replace(" ", "."), arrays)
            seconds, memory = zip(*(_read(path) for _ in range(_ROUNDS.value)), strict=True)
            size = path.stat().st_size
            of_arrays = max(memory) / sum(array.nbytes for array in arrays.values())
            shown = f"{size / 1e6:10.0f}{min(seconds):10.2f}{max(memory) / size:20.2f}{of_arrays:10.2f}"
            print(f"{name:22}{shown}", flush=True)
            path.unlink()


def _read(path: Path) -> tuple[float, float]:
    """Seconds and bytes, in a process that reads nothing else."""
    answer = subprocess.check_output([sys.executable, "-c", READ, path], text=True)
    seconds, kilobytes = answer.split()
    return float(seconds), 1024 * float(kilobytes)


def _arrays(megabytes: int) -> Arrays:
    rng = np.random.default_rng(0)
    parts = {"classifier": 0.6, **{f"block{index}": 0.02 for index in range(20)}}
    return {
        name: rng.standard_normal((8, round(megabytes * 1e6 * part / 32)), np.float32)
        for name, part in parts.items()
    }


def _safetensors(path: Path, arrays: Arrays) -> Path:
    save_file(arrays, path)
    return path


def _bfloat16(path: Path, arrays: Arrays) -> Path:
    save_file({name: array.astype(ml_dtypes.bfloat16) for name, array in arrays.items()}, path)
    return path


def _npz(path: Path, arrays: Arrays) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def _npz_deflated(path: Path, arrays: Arrays) -> Path:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def _h5(path: Path, arrays: Arrays) -> Path:
    with h5py.File(path, "w") as file:
        file.update(arrays)
    return path


def _h5_deflated(path: Path, arrays: Arrays) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip", shuffle=True)
    return path


def _pth(path: Path, arrays: Arrays) -> Path:
    content = dump(
        {
            name: tensor(Storage(name, array.size), array.shape, (array.shape[1], 1))
            for name, array in arrays.items()
        }
    )
    return write(path, content, arrays)


WRITERS: dict[str, Callable[[Path, Arrays], Path]] = {
    "stored .safetensors": _safetensors,
    "bfloat16 .safetensors": _bfloat16,
    "stored .npz": _npz,
    "deflated .npz": _npz_deflated,
    "stored .h5": _h5,
    "deflated .h5": _h5_deflated,
    "stored .pth": _pth,
}

if __name__ == "__main__":
    command.run(main)
