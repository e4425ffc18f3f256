"""Training: the frozen phase against PyTorch, many heads at once, and what is not the step itself.

    pip install -e .[parity]
    python -m experiments.speed.training [--rows=frozen,population,loop,checkpoints,start] [--rounds=3]

Product photographs in $VITLAB_ASSETS (7 classes of 150; 733 of them train) at 224 pixels, and ViT-B/32
with random weights that both sides read from one file, in Hugging Face's layout: the time does not
depend on them.

frozen: `python -m vitlab.main` with 50 epochs of the head, from an empty cache to its report, against
    a plain PyTorch loop: frozen backbone, a linear head, Adam at 1e-3, batches of 32, `DataLoader`
    with two workers, validation after each epoch. PyTorch's time is that of its start and of
    --their_epochs epochs, all alike, times 50 over their number; its accuracy is that of the same head
    trained for 50 epochs on the embeddings that PyTorch's backbone gives.
population: 100 linear heads (5 seeds, 20 learning rates; 700 embeddings of width 768 in 19 classes, 50
    epochs) by `train_population`, against `train_phase` head after head: the time of --alone heads,
    times 100 over their number; means of both. Each compiles its programs.
loop: an epoch of MobileNetV2 at 64 pixels with batches of 32 as the loop trains it, against the same
    compiled step called in a row on batches that are there.
checkpoints: full fine-tuning of ViT-B/32: the time of a checkpoint (as the manifest has it) as a share
    of an epoch and a checkpoint. In a run there are fewer: saving takes a twentieth of the time at most.
start: a run of all of ViT-B/32 until its first step is done: the same config again in another workdir,
    against the first time with an empty cache.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from vitlab import command, runtime
from vitlab.errors import InputError

ASSETS = Path(os.environ.get("VITLAB_ASSETS", "../shared")).absolute()
PRODUCTS = ASSETS / "data" / "products"
EPOCHS, BATCH, HEADS, SIZE = 50, 32, 100, 224

_ROWS = flags.DEFINE_list("rows", ["frozen", "population", "loop", "checkpoints", "start"], "Which.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Repetitions of what takes seconds.", lower_bound=1)
_THEIR_EPOCHS = flags.DEFINE_integer("their_epochs", 2, "That PyTorch trains.", lower_bound=1)
_ALONE = flags.DEFINE_integer(
    "alone", 4, "Heads that are trained one by one.", lower_bound=1, upper_bound=HEADS
)
_THEIRS = flags.DEFINE_string("theirs", "", "Trains PyTorch's head on this split (used by `frozen`).")


def main() -> None:
    if _THEIRS.value:
        print(json.dumps(_their_head(Path(_THEIRS.value))))
        return
    rows = {
        "frozen": _frozen,
        "population": _population,
        "loop": _loop,
        "checkpoints": _checkpoints,
        "start": _start,
    }
    for name in _ROWS.value:
        if name not in rows:
            raise InputError(f"--rows has {name!r}; rows are {', '.join(rows)}")
    runtime.start()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    print("| work | vitlab | the other | ratio | wanted |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in _ROWS.value:
            for cells in rows[name](Path(folder)):
                print("| " + " | ".join(cells) + " |", flush=True)


# ------------------------------------------------------------------------------ the frozen phase


def _frozen(folder: Path) -> Iterator[tuple[str, ...]]:
    weights, workdir = _weights(folder), folder / "frozen"
    phase = [f"--config.phases.head.epochs={EPOCHS}", "--config.phases.head.patience=0"]
    with tempfile.TemporaryDirectory() as cache:
        started = time.monotonic()
        _main("configs/head.py:vit_b32", weights, workdir, cache, *phase)
        ours = time.monotonic() - started
    lines = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    accuracy = max(line["val"]["accuracy"] for line in lines)
    module = [sys.executable, "-m", "experiments.speed.training"]
    flags_of_theirs = [f"--theirs={workdir / 'split.csv'}", f"--their_epochs={_THEIR_EPOCHS.value}"]
    started = time.monotonic()
    done = subprocess.run([*module, *flags_of_theirs], check=True, capture_output=True, text=True)
    theirs = json.loads(done.stdout.splitlines()[-1])
    took = time.monotonic() - started - theirs["checking"]
    start = took - _THEIR_EPOCHS.value * theirs["epoch"]
    whole = start + EPOCHS * theirs["epoch"]
    yield (
        f"head of ViT-B/32, {EPOCHS} epochs, end to end",
        f"{ours:.1f} s, validation accuracy {accuracy:.3f}",
        f"{whole:.0f} s, {theirs['accuracy']:.3f}",
        f"{whole / ours:.1f}",
        "40",
    )


def _their_head(split: Path) -> dict[str, float]:
    """Seconds an epoch, the validation accuracy after EPOCHS epochs, and the seconds to find that."""
    import torch
    from torch.utils.data import DataLoader

    network = _their_network()
    network.load_state_dict(torch.load(split.parent.parent / "weights.pth", weights_only=True))
    network.eval().requires_grad_(False)
    parts = {name: _TheirImages(split, name) for name in ("train", "val")}
    loaders = {
        name: DataLoader(
            images,
            BATCH,
            shuffle=name == "train",
            num_workers=2,
            multiprocessing_context="spawn",
            persistent_workers=True,
        )
        for name, images in parts.items()
    }

    def embed(images: Any) -> Any:
        with torch.no_grad():
            return network.vit(images).last_hidden_state[:, 0]

    head, learn = _their_learner(len(parts["train"].names))
    started = time.monotonic()
    for _ in range(_THEIR_EPOCHS.value):
        for images, labels in loaders["train"]:
            learn(embed(images), labels)
        for images, _ in loaders["val"]:
            head(embed(images))
    epoch = (time.monotonic() - started) / _THEIR_EPOCHS.value

    started = time.monotonic()
    kept = {
        name: [torch.cat(column) for column in zip(*[(embed(x), y) for x, y in loader], strict=True)]
        for name, loader in loaders.items()
    }
    head, learn = _their_learner(len(parts["train"].names))
    best = 0.0
    for _ in range(EPOCHS):
        embeddings, labels = kept["train"]
        for rows in torch.randperm(len(labels)).split(BATCH):
            learn(embeddings[rows], labels[rows])
        embeddings, labels = kept["val"]
        best = max(best, float((head(embeddings).argmax(1) == labels).float().mean()))
    return {"epoch": epoch, "accuracy": best, "checking": time.monotonic() - started}


def _their_learner(classes: int) -> tuple[Any, Callable[[Any, Any], None]]:
    import torch

    head = torch.nn.Linear(768, classes)
    torch.nn.init.zeros_(head.weight)
    optimizer = torch.optim.Adam(head.parameters(), 1e-3)

    def learn(embeddings: Any, labels: Any) -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(head(embeddings), labels).backward()
        optimizer.step()

    return head, learn


class _TheirImages:
    """As torchvision's datasets and transforms do it: decoded and resized when asked for."""

    def __init__(self, split: Path, part: str):
        from vitlab.data import read_split

        found = read_split(split)
        rows = found.rows(part)
        self.names = found.table.class_names
        self.paths = [PRODUCTS / "Images" / found.table.paths[row] for row in rows]
        self.labels = [int(found.table.labels[row]) for row in rows]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        import torch
        from PIL import Image

        image = Image.open(self.paths[index]).convert("RGB")
        pixels = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()
        return tensor.div(127.5).sub(1), self.labels[index]


def _their_network() -> Any:
    """Hugging Face's ViT-B/32, with random weights."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    return ViTForImageClassification(ViTConfig(patch_size=32, num_labels=1000))


def _weights(folder: Path) -> Path:
    """Of Hugging Face's network, once."""
    import torch

    path = folder / "weights.pth"
    if not path.exists():
        torch.save(_their_network().state_dict(), path)
    return path


# ------------------------------------------------------------------------------ heads together


def _population(folder: Path) -> Iterator[tuple[str, ...]]:
    from vitlab.config import Phase
    from vitlab.data import Store
    from vitlab.models import create, initialise
    from vitlab.training import (
        Embedder,
        Fold,
        History,
        Member,
        Setting,
        Stage,
        train_phase,
        train_population,
    )

    generator = np.random.default_rng(0)
    labels = generator.integers(0, 19, 850).astype(np.int32)
    centres = generator.normal(size=(19, 768))
    embeddings = (centres[labels] + 3 * generator.normal(size=(850, 768))).astype(np.float32)
    phase = Phase(trainable=("head/.*",), epochs=EPOCHS)
    members = [
        Member(seed, 0, 0, 0.0, rate, 0.0)
        for seed in range(5)
        for rate in np.geomspace(1e-4, 1e-1, HEADS // 5).tolist()
    ]
    network, parameters, statistics = initialise(
        lambda: create("vit_b32", num_classes=19, input_size=32), {}
    )
    head = {path: array for path, array in parameters.items() if path.startswith("head/")}
    fold = Fold(np.arange(700), np.arange(700, 850))

    def together() -> None:
        train_population(members, [head] * HEADS, phase, embeddings, labels, [fold], BATCH)

    mesh = runtime.device_mesh()
    stores = {
        "train": Store(embeddings[:700], np.arange(700), labels[:700]),
        "val": Store(embeddings[700:], np.arange(150), labels[700:]),
    }

    class Known(Embedder):
        """The embeddings are there."""

        def __call__(self, parameters, statistics, store, title):
            return store.inputs

    def alone(count: int) -> None:
        for member in members[:: HEADS // count][:count]:
            with tempfile.TemporaryDirectory(dir=folder) as run:
                setting = Setting(
                    network=network,
                    embedder=Known(network, BATCH, mesh),
                    stores=stores,
                    mesh=mesh,
                    seed=member.seed,
                    batch_size=BATCH,
                    device_gib=-1.0,
                    checkpoint_seconds=30.0,
                    checkpoints=Path(run, "checkpoints"),
                    history=History(Path(run, "log.jsonl")),
                )
                train_phase(Stage("head", phase, 0, 0), parameters, statistics, setting)

    with _silence():
        alone(1)
        together()
        one = _seconds(lambda: alone(_ALONE.value)) / _ALONE.value
        all_of_them = sum(_seconds(together) for _ in range(_ROUNDS.value)) / _ROUNDS.value
    yield (
        f"{HEADS} linear heads, {EPOCHS} epochs",
        f"{all_of_them:.1f} s together",
        f"{HEADS * one:.0f} s one after another",
        f"{HEADS * one / all_of_them:.1f}",
        "20",
    )


# ------------------------------------------------------------------------------ around the step


def _loop(folder: Path) -> Iterator[tuple[str, ...]]:
    import jax

    from vitlab.config import Phase
    from vitlab.data import Store, feed
    from vitlab.models import create, initialise
    from vitlab.training import Embedder, History, Setting, Stage
    from vitlab.training.loop import PhaseRun

    count = 20 * BATCH
    images = np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), np.uint8)
    store = Store(images, np.arange(count), (np.arange(count) % 10).astype(np.int32))
    network, parameters, statistics = initialise(
        lambda: create("mobilenet_v2", num_classes=10, input_size=64), {}
    )
    mesh = runtime.device_mesh()
    setting = Setting(
        network=network,
        embedder=Embedder(network, BATCH, mesh),
        stores={"train": store, "val": Store(images[:BATCH], np.arange(BATCH), store.labels[:BATCH])},
        mesh=mesh,
        seed=0,
        batch_size=BATCH,
        device_gib=-1.0,
        checkpoint_seconds=1e9,
        checkpoints=folder / "loop",
        history=History(folder / "loop.jsonl"),
    )
    stage = Stage("all", Phase(batch_norm="update", epochs=10**6, learning_rate=1e-6), 0, 0)

    with _silence():
        run = PhaseRun(stage, parameters, statistics, setting)
        run.is_asked_to_stop = lambda: False
        batches = list(feed(run.train, run.sampler, mesh, 0))

        def epoch() -> None:
            run.train_batches()
            run.move(epoch=run.position.epoch + 1, batch=0)

        def steps() -> None:
            for batch in batches:
                run.state, totals = run.step(
                    run.state, run.frozen, batch.inputs, batch.labels, batch.weights
                )
            jax.block_until_ready(totals)

        epoch()
        pairs = [(_seconds(epoch), _seconds(steps)) for _ in range(3 * _ROUNDS.value)]
    ours, bare = (min(seconds) for seconds in zip(*pairs, strict=True))
    yield (
        "the loop around the step, MobileNetV2 at 64 pixels",
        f"{1000 * ours / len(batches):.1f} ms a step",
        f"{1000 * bare / len(batches):.1f} ms the step alone",
        f"{ours / bare - 1:+.1%}",
        "under 3 %",
    )


def _checkpoints(folder: Path) -> Iterator[tuple[str, ...]]:
    workdir = folder / "checkpoints"
    changes = ["--config.phases.all.epochs=1", "--config.checkpoint_seconds=1e9"]
    _main("configs/whole.py:vit_b32", _weights(folder), workdir, str(folder / "cache"), *changes)
    facts = json.loads((workdir / "manifest.json").read_text())["phases"]["all"]
    saving = facts["spent"]["saving"]  # once, at the phase's end
    (line,) = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    epoch = facts["steps"] * line["time"]["ms_per_step"] / 1000
    yield (
        "a checkpoint after each epoch of ViT-B/32",
        f"{saving:.1f} s of saving",
        f"{epoch:.0f} s of training",
        f"{saving / (epoch + saving):.1%}",
        "under 5 %",
    )


def _start(folder: Path) -> Iterator[tuple[str, ...]]:
    weights, seconds = _weights(folder), []
    with tempfile.TemporaryDirectory() as cache:
        for number in range(2):
            program = (
                "import os, sys;from vitlab import command, main;from vitlab.training import loop;"
                "take = loop.PhaseRun.take;"
                "loop.PhaseRun.take = lambda *a: (take(*a)['loss'].block_until_ready(), os._exit(0));"
                "command.run(main.main)"
            )
            arguments = _flags("configs/whole.py:vit_b32", weights, folder / f"start{number}")
            environment = {**os.environ, "VITLAB_CACHE": cache}
            started = time.monotonic()
            subprocess.run(
                [sys.executable, "-c", program, *arguments],
                env=environment,
                check=True,
                capture_output=True,
            )
            seconds.append(time.monotonic() - started)
    first, second = seconds
    yield (
        "start until the first step, all of ViT-B/32",
        f"{second:.1f} s the second time",
        f"{first:.1f} s the first",
        f"{second / first:.2f}",
        "under 0.33",
    )


# ------------------------------------------------------------------------------ what they share


def _main(config: str, weights: Path, workdir: Path, cache: str, *changes: str) -> None:
    arguments = [sys.executable, "-m", "vitlab.main", *_flags(config, weights, workdir), *changes]
    environment = {**os.environ, "VITLAB_CACHE": cache}
    subprocess.run(arguments, env=environment, check=True, capture_output=True)


def _flags(config: str, weights: Path, workdir: Path) -> list[str]:
    return [
        f"--config={config}",
        f"--config.dataset.path={PRODUCTS / 'products.csv'}",
        "--config.dataset.images=Images",
        "--config.dataset.columns.path=image",
        "--config.dataset.columns.label=product_category_tree",
        "--config.dataset.label_separator=>>",
        f"--config.model.weights={weights}",
        f"--config.batch_size={BATCH}",
        f"--workdir={workdir}",
    ]


def _silence() -> Any:
    import contextlib
    import io

    return contextlib.redirect_stdout(io.StringIO())


def _seconds(work: Callable[[], Any]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


if __name__ == "__main__":
    command.run(main)
