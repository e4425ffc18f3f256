"""How long a published ViT-B/32 takes until it can predict, and how much memory, compilation apart.

    python -m experiments.speed.loading [--network=vit_b32] [--rounds=3]

Random weights in timm's layout are written as `.safetensors` and as `.pth`. Fresh processes draw the
network and load the file: first when it was never seen (it is hashed and converted), then from the
cached conversion. Memory is the process's highest, less what it had with everything imported.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from absl import flags
from safetensors.numpy import save_file

from tests.weights.pytorch_files import Storage, dump, tensor, write
from tests.weights.timm_files import Arrays, vit_tensors
from vitlab import command
from vitlab.models.presets import PRESETS

CLASSES = 1000

_NETWORK = flags.DEFINE_string("network", "vit_b32", "A Vision Transformer's preset.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Loads from the cache; the best one counts.", lower_bound=1)

# Run on its own. JAX is up before the clock starts and the memory is taken.
LOAD = """
import re, sys, time
from pathlib import Path
import jax
from vitlab.config import Model
from vitlab.models import draw_blueprint, first_model

def kilobytes(field):
    return int(re.search(rf"{field}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

jax.numpy.zeros(1).block_until_ready()
before, start = kilobytes("VmRSS"), time.perf_counter()
blueprint = draw_blueprint(Model(sys.argv[1], sys.argv[2]))
model = first_model(blueprint, tuple(map(str, range(int(sys.argv[3])))), "crop", seed=0)
jax.block_until_ready(model.parameters)
seconds = time.perf_counter() - start
print(seconds, kilobytes("VmHWM") - before)
"""


def main() -> None:
    print(f"{_NETWORK.value:24}{'file, MB':>10}{'seconds':>10}{'peak memory / file':>20}")
    with tempfile.TemporaryDirectory() as folder:
        for path in _files(Path(folder)):
            os.environ["VITLAB_CACHE"] = f"{folder}/cache-{path.suffix}"
            _report(f"{path.suffix}, first time", path, [_load(path)])
            _report(f"{path.suffix}, cached", path, [_load(path) for _ in range(_ROUNDS.value)])


def _files(folder: Path) -> list[Path]:
    options = PRESETS[_NETWORK.value].options
    tensors = vit_tensors(**options, classes=CLASSES, input_size=224)
    save_file(tensors, folder / "weights.safetensors")
    return [folder / "weights.safetensors", _write_pth(folder / "weights.pth", tensors)]


def _write_pth(path: Path, tensors: Arrays) -> Path:
    content = {}
    for name, array in tensors.items():
        strides = tuple(step // array.itemsize for step in array.strides)
        content[name] = tensor(Storage(name, array.size), array.shape, strides)
    return write(path, dump(content), tensors)


def _load(path: Path) -> tuple[float, float]:
    """Seconds and bytes."""
    arguments = [sys.executable, "-c", LOAD, _NETWORK.value, str(path), str(CLASSES)]
    answer = subprocess.check_output(arguments, text=True).splitlines()[-1]
    seconds, kilobytes = map(float, answer.split())
    return seconds, 1024 * kilobytes


def _report(title: str, path: Path, loads: list[tuple[float, float]]) -> None:
    seconds, memory = np.array(loads).T
    size = path.stat().st_size
    print(f"{title:24}{size / 1e6:10.0f}{seconds.min():10.2f}{memory.max() / size:20.2f}", flush=True)


if __name__ == "__main__":
    command.run(main)
