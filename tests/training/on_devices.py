"""Trains on meshes of simulated devices, in one process or in one of several.

    python -m tests.training.on_devices FOLDER DEVICES PROCESSES PROCESS PORT MESH...

MESH is DATAxFSDP, such as 4x2, of the first devices. What came out is FOLDER/MESH.json.
"""

import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from tests.training.small_setting import a_setting
from vitlab import processes, runtime
from vitlab.augmentation_settings import Augmentation
from vitlab.config import Phase
from vitlab.models import create, initialise
from vitlab.training import Stage
from vitlab.training.loop import PhaseRun
from vitlab.training.step import State

# Wide enough for kernels that are divided.
OPTIONS: dict[str, Any] = dict(input_size=8, patch=4, width=64, depth=1, heads=2, mlp_width=128)
PHASE = Phase(
    optimizer="sgd",
    learning_rate=0.01,
    epochs=2,
    clip=1.0,
    ema=0.9,
    weight_decay=1e-3,
    augmentation=Augmentation(flip=True, brightness=0.3, mixup=0.4),
)
BATCH = 16


def main() -> None:
    folder, (devices, count, index, port) = Path(sys.argv[1]), map(int, sys.argv[2:6])
    runtime.start()
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", devices // count)
    if count > 1:
        processes.join(f"localhost:{port}", count, index)
    for name in sys.argv[6:]:
        data, fsdp = map(int, name.split("x"))
        mesh = Mesh(np.array(jax.devices()[: data * fsdp]).reshape(data, fsdp), ("data", "fsdp"))
        found = outcome(mesh, folder / name)
        if processes.is_first():
            (folder / f"{name}.json").write_text(json.dumps(found))


def outcome(mesh: Mesh, folder: Path) -> dict:
    """The scores of each epoch, the trained head, and what the first device holds of the state."""
    network, parameters, statistics = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    folder.mkdir(exist_ok=True)
    processes.wait_for_all("folder")
    setting = a_setting(network, folder, BATCH, mesh)
    stage = Stage("all", PHASE, 0, 0)
    run = PhaseRun(stage, runtime.placed(parameters, mesh), statistics, setting)
    share = share_of_first_device(run.state)
    trained = run.to_the_end()
    assert share_of_first_device(run.state) == share
    return {
        "lines": [{part: line[part] for part in ("train", "val")} for line in setting.history.lines],
        "head": runtime.to_host(trained.parameters["head/kernel"]).tolist(),
        "share": share,
    }


def share_of_first_device(state: State) -> float:
    """Of the bytes of all arrays."""
    leaves = jax.tree.leaves(state)
    held = sum(leaf.addressable_shards[0].data.nbytes for leaf in leaves)
    return held / sum(leaf.nbytes for leaf in leaves)


if __name__ == "__main__":
    main()
