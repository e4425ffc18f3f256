"""100 linear heads by `train_population`, against head after head by `train_phase`.

5 seeds with 20 learning rates each; 700 embeddings of width 768 in 19 classes, 50 epochs. Alone, some
heads are timed, times 100 over their number; means of both. Each compiles its programs.
"""

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from experiments.speed.product_runs import BATCH, seconds
from vitlab import runtime

EPOCHS, HEADS, WIDTH, CLASSES, TRAIN, VAL = 50, 100, 768, 19, 700, 150


def measured(folder: Path, alone: int, rounds: int) -> Iterator[tuple[str, ...]]:
    one_by_one, together = _programs(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        one_by_one(1)
        together()
        one = seconds(lambda: one_by_one(alone)) / alone
        all_of_them = sum(seconds(together) for _ in range(rounds)) / rounds
    yield (
        f"{HEADS} linear heads, {EPOCHS} epochs",
        f"{all_of_them:.1f} s together",
        f"{HEADS * one:.0f} s one after another",
        f"{HEADS * one / all_of_them:.1f}",
        "20",
    )


def _programs(folder: Path) -> tuple[Callable[[int], None], Callable[[], None]]:
    """What trains so many heads alone, and what trains all of them together."""
    from vitlab.config import Phase
    from vitlab.models import create, initialise
    from vitlab.training import Fold, Member, Stage, train_phase, train_population

    embeddings, labels = _clusters()
    phase = Phase(trainable=("head/.*",), epochs=EPOCHS)
    members = [
        Member(seed, 0, 0, 0.0, rate, 0.0)
        for seed in range(5)
        for rate in np.geomspace(1e-4, 1e-1, HEADS // 5).tolist()
    ]
    network, parameters, statistics = initialise(
        lambda: create("vit_b32", num_classes=CLASSES, input_size=32), {}
    )
    head = {path: array for path, array in parameters.items() if path.startswith("head/")}
    fold = Fold(np.arange(TRAIN), np.arange(TRAIN, TRAIN + VAL))
    setting = _setting(network, embeddings, labels)

    def alone(count: int) -> None:
        for member in members[:: HEADS // count][:count]:
            with tempfile.TemporaryDirectory(dir=folder) as run:
                stage = Stage("head", phase, 0, 0)
                train_phase(stage, parameters, statistics, setting(Path(run), member.seed))

    def together() -> None:
        train_population(members, [head] * HEADS, phase, embeddings, labels, [fold], BATCH)

    return alone, together


def _clusters() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, TRAIN + VAL).astype(np.int32)
    centres = generator.normal(size=(CLASSES, WIDTH))
    noise = generator.normal(size=(TRAIN + VAL, WIDTH))
    return (centres[labels] + 3 * noise).astype(np.float32), labels


def _setting(network, embeddings: np.ndarray, labels: np.ndarray):
    """A function from a folder and a seed to the setting of a run that has its embeddings already."""
    from vitlab.data import Store
    from vitlab.training import Embedder, History, Setting

    class Known(Embedder):
        def __call__(self, parameters, statistics, store, title):
            return store.inputs

    mesh = runtime.device_mesh()
    stores = {
        "train": Store(embeddings[:TRAIN], np.arange(TRAIN), labels[:TRAIN]),
        "val": Store(embeddings[TRAIN:], np.arange(VAL), labels[TRAIN:]),
    }

    def of(run: Path, seed: int) -> Setting:
        return Setting(
            network=network,
            embedder=Known(network, BATCH, mesh),
            stores=stores,
            mesh=mesh,
            seed=seed,
            batch_size=BATCH,
            device_gib=-1.0,
            checkpoint_seconds=30.0,
            checkpoints=run / "checkpoints",
            history=History(run / "log.jsonl"),
        )

    return of
