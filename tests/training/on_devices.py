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

from vitlab import processes, runtime
from vitlab.config import Phase
from vitlab.data import Store
from vitlab.models import create, initialise
from vitlab.training import Embedder, History, Setting, Stage
from vitlab.training.loop import PhaseRun
from vitlab.training.step import State

# Wide enough for kernels that are divided.
OPTIONS: dict[str, Any] = dict(input_size=8, patch=4, width=64, depth=1, heads=2, mlp_width=128)
PHASE = Phase(optimizer="sgd", learning_rate=0.01, epochs=2, clip=1.0, ema=0.9, weight_decay=1e-3)
BATCH = 16


def main() -> None:
    folder, (devices, count, index, port) = Path(sys.argv[1]), map(int, sys.argv[2:6])
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
    setting = Setting(
        network=network,
        embedder=Embedder(network, BATCH, mesh),
        stores={"train": some_store(43, 0), "val": some_store(21, 1)},
        mesh=mesh,
        seed=0,
        batch_size=BATCH,
        device_gib=1.0,
        checkpoint_seconds=60.0,
        checkpoints=folder / "checkpoints",
        history=History(folder / "log.jsonl"),
    )
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


def some_store(count: int, seed: int) -> Store:
    """Images whose class is their brightness."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count).astype(np.int32)
    images = labels[:, None, None, None] * 80 + generator.integers(0, 60, (count, 8, 8, 3))
    return Store(images.astype(np.uint8), np.arange(count), labels)


if __name__ == "__main__":
    main()
