"""Kept augmented views against augmentation that is new in every epoch: accuracy and time of a head.

    python -m experiments.speed.views [--seeds=5] [--epochs=16] [--views=0,4,8] [--input_size=64]

MobileNetV2 and the product photographs in $VITLAB_ASSETS (7 classes of 150). The backbone is frozen; the
head trains by Adam at 1e-3 with the augmentation of S0-09, and the weights of its best validation epoch
answer the test part. `none` has no augmentation, views=0 a new one in every epoch. All have the same
split; a seed draws the head, the order and the augmentation. They take turns, seed by seed, and none
finds what another has computed. Seconds are the phase's: the validation part's embeddings, the training
part's or their views, compilation and all epochs.
"""

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from vitlab import command, config, runtime
from vitlab.augmentation_settings import Augmentation

ASSETS = os.environ.get("VITLAB_ASSETS", "../shared")
WEIGHTS = "weights/mobilenet_v2_1.0_224_imagenet_keras_layout.h5"
STUDY = Augmentation(flip=True, rotation=45.0, shift=0.2, zoom=0.25, brightness=0.5)
BATCH = 32

_SEEDS = flags.DEFINE_integer("seeds", 5, "Trainings of each kind.", lower_bound=2)
_EPOCHS = flags.DEFINE_integer("epochs", 16, "Of each training.", lower_bound=1)
_VIEWS = flags.DEFINE_list("views", ["0", "4", "8"], "Numbers of views; 0: new in every epoch.")
_SIZE = flags.DEFINE_integer("input_size", 64, "Pixels per side.", lower_bound=32)


def main() -> None:
    runtime.start()
    phases = {"none": _head()} | {
        f"views={views}": _head(augmentation=STUDY, views=int(views)) for views in _VIEWS.value
    }
    measure = _training()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in phases}
    for seed in range(_SEEDS.value):
        for name, phase in phases.items():
            accuracy, seconds = measure(phase, seed)
            found[name].append((accuracy, seconds))
            print(f"seed {seed}, {name}: test accuracy {accuracy:.4f}, {seconds:.1f} s", flush=True)
    print("| training | mean test accuracy | standard deviation | seconds |\n|---|---|---|---|")
    for name, results in found.items():
        accuracies = [accuracy for accuracy, _ in results]
        mean, deviation = statistics.mean(accuracies), statistics.stdev(accuracies)
        usual = statistics.median(seconds for _, seconds in results)
        print(f"| {name} | {mean:.4f} | {deviation:.4f} | {usual:.1f} |")


def _head(**changes: Any) -> config.Phase:
    return config.Phase(trainable=("head/.*",), learning_rate=1e-3, epochs=_EPOCHS.value, **changes)


def _training() -> Callable[[config.Phase, int], tuple[float, float]]:
    """A function of a phase and a seed: test accuracy and seconds."""
    from vitlab.data import draw_split, open_collection
    from vitlab.evaluation import predict
    from vitlab.models import SavedModel, draw_blueprint, first_model
    from vitlab.training import Embedder, History, Setting, Stage, train_phase

    products = Path(ASSETS, "data/products")
    dataset = config.Dataset(
        path=str(products / "products.csv"),
        images="Images",
        columns=config.Columns(path="image", label="product_category_tree"),
        label_separator=">>",
    )
    blueprint = draw_blueprint(
        config.Model("mobilenet_v2", str(Path(ASSETS, WEIGHTS)), input_size=_SIZE.value)
    )
    collection = open_collection(dataset, blueprint.preprocessing, "squash")
    split = draw_split(collection.table, config.Split(), 0, collection.pictures())
    stores, names = collection.stores(split), split.table.class_names
    mesh = runtime.device_mesh()

    def measure(phase: config.Phase, seed: int) -> tuple[float, float]:
        model = first_model(blueprint, names, "squash", seed)
        with tempfile.TemporaryDirectory() as folder:
            os.environ["VITLAB_CACHE"] = folder
            setting = Setting(
                network=model.network,
                embedder=Embedder(model.network, BATCH, mesh),
                stores=stores,
                mesh=mesh,
                seed=seed,
                batch_size=BATCH,
                device_gib=-1.0,
                checkpoint_seconds=1e9,
                checkpoints=Path(folder, "checkpoints"),
                history=History(Path(folder, "log.jsonl")),
            )
            trained = train_phase(
                Stage("head", phase, 0, 0), model.parameters, model.statistics, setting
            )
            best = SavedModel(model.card, model.network, trained.parameters, trained.statistics)
            ids = tuple(split.table.ids[row] for row in split.rows("test"))
            predictions = predict(best, stores["test"], ids, setting.embedder, "test")
        return float(np.mean(predictions.answers == predictions.labels)), trained.seconds

    return measure


if __name__ == "__main__":
    command.run(main)
