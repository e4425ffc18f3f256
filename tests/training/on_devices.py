"""Trains and evaluates on meshes of simulated devices, in one process or in one of several.

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
from vitlab.evaluation import predict
from vitlab.models import Arrays, ModelCard, Network, SavedModel, create, initialise
from vitlab.training import Embedder, History, Setting, Stage, first_state, make_train_step, train_phase
from vitlab.training.optimizer import make_optimizer, make_schedule
from vitlab.weights import Preprocessing

# Wide enough for kernels that are divided.
OPTIONS: dict[str, Any] = dict(input_size=8, patch=4, width=64, depth=1, heads=2, mlp_width=128)
HEAD = Phase(trainable=("head/.*",), optimizer="sgd", learning_rate=0.01, epochs=1)
ALL = Phase(optimizer="sgd", learning_rate=0.01, epochs=2, clip=1.0, ema=0.9, weight_decay=1e-3)
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
    """Of two phases, the second of which is stopped after an epoch and goes on."""
    network, parameters, statistics = initialise(lambda: create("vit", num_classes=3, **OPTIONS), {})
    parameters, statistics = runtime.placed((parameters, statistics), mesh)
    stores = {"train": some_store(43, 0), "val": some_store(21, 1)}
    embedder = Embedder(network, BATCH, mesh)
    folder.mkdir(exist_ok=True)
    processes.wait_for_all("folder")
    history = History(folder / "log.jsonl")
    setting = Setting(
        network, embedder, stores, mesh, 0, BATCH, 1.0, 0.0, folder / "checkpoints", history
    )
    head = train_phase(Stage("head", HEAD, 0, 0), parameters, statistics, setting)
    trained = train_phase(Stage("all", ALL, 1, 1), head.parameters, head.statistics, setting)
    preprocessing = Preprocessing(8, "bilinear", 1.0, crop_first=False)
    card = ModelCard("vit", OPTIONS, ("a", "b", "c"), preprocessing, "squash", 0, {}, {})
    model = SavedModel(card, network, trained.parameters, trained.statistics)
    predictions = predict(model, stores["val"], tuple(map(str, range(21))), embedder, "val")
    return {
        "lines": [{part: line[part] for part in ("train", "val")} for line in history.lines],
        "logits": predictions.logits.tolist(),
        "bytes": bytes_of_state(network, parameters, statistics, mesh),
    }


def bytes_of_state(network: Network, parameters: Arrays, statistics: Arrays, mesh: Mesh) -> dict:
    """What the first device holds of the state after a step, and what all of it takes."""
    optimizer = make_optimizer(ALL, make_schedule(ALL, 6, 3))

    def forward(parameters, statistics, images, key):
        return network.train(parameters, statistics, images, moves=False)

    step = make_train_step(forward, optimizer, jax.random.key(0), ema=0.9, mesh=mesh)
    state = runtime.placed(first_state(parameters, {}, optimizer, ema=True), mesh)
    store = some_store(BATCH, 2)
    batch = runtime.placed(
        (store.fetch(np.arange(BATCH)), store.labels, np.ones(BATCH, np.float32)), mesh
    )
    state, _ = step(state, {"parameters": {}, "statistics": statistics}, *batch)
    leaves = jax.tree.leaves(state)
    return {
        "device": sum(leaf.addressable_shards[0].data.nbytes for leaf in leaves),
        "all": sum(leaf.nbytes for leaf in leaves),
    }


def some_store(count: int, seed: int) -> Store:
    """Images whose class is their brightness."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count).astype(np.int32)
    images = labels[:, None, None, None] * 80 + generator.integers(0, 60, (count, 8, 8, 3))
    return Store(images.astype(np.uint8), np.arange(count), labels)


if __name__ == "__main__":
    main()
