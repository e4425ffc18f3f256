"""What a run does beside its steps: bookkeeping, checkpoints, and the start.

loop: an epoch of MobileNetV2 at 64 pixels with batches of 32 as the loop trains it, against the same
    compiled step called in a row on batches that are there.
checkpoints: full fine-tuning of ViT-B/32: the time of a checkpoint (as the manifest has it) as a share
    of an epoch and a checkpoint.
start: runs of all of ViT-B/32 (random weights) and of MobileNetV2 (Keras's) until their first step
    begins and until it is done: the same config again in another workdir, against the first time with
    an empty cache. The step itself takes as long both times.
"""

import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from experiments.speed.product_runs import ASSETS, BATCH, flags_of, random_weights, run, seconds
from vitlab import runtime

MOBILENET = ASSETS / "weights" / "mobilenet_v2_1.0_224_imagenet_keras_layout.h5"


def loop(folder: Path, rounds: int) -> Iterator[tuple[str, ...]]:
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

    with contextlib.redirect_stdout(io.StringIO()):
        phase = PhaseRun(stage, parameters, statistics, setting)
        phase.is_asked_to_stop = lambda: False
        batches = list(feed(phase.train, phase.sampler, mesh, 0))

        def epoch() -> None:
            phase.train_batches()
            phase.move(epoch=phase.position.epoch + 1, batch=0)

        def steps() -> None:
            for batch in batches:
                phase.state, totals = phase.step(
                    phase.state, phase.frozen, batch.inputs, batch.labels, batch.weights
                )
            jax.block_until_ready(totals)

        epoch()
        pairs = [(seconds(epoch), seconds(steps)) for _ in range(3 * rounds)]
    ours, bare = (min(times) for times in zip(*pairs, strict=True))
    yield (
        "the loop around the step, MobileNetV2 at 64 pixels",
        f"{1000 * ours / len(batches):.1f} ms a step",
        f"{1000 * bare / len(batches):.1f} ms the step alone",
        f"{ours / bare - 1:+.1%}",
        "under 3 %",
    )


def checkpoints(folder: Path) -> Iterator[tuple[str, ...]]:
    workdir = folder / "checkpoints"
    changes = ["--config.phases.all.epochs=1", "--config.checkpoint_seconds=1e9"]
    run("configs/whole.py:vit_b32", random_weights(folder), workdir, folder / "cache", *changes)
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


# `main`, which tells when its first step begins (traced, and compiled or taken from the cache) and ends
# when that is done. The allocator is set first, which starts the process again.
UNTIL_THE_FIRST_STEP = """
import os
from vitlab import runtime
runtime.tune_allocator()
from vitlab import command, main
from vitlab.training import loop
make_train_step = loop.make_train_step
def make_first_step(*settings, **more):
    step = make_train_step(*settings, **more)
    def first(*arguments):
        compiled = step.lower(*arguments).compile()
        print("first step begins", flush=True)
        _, totals = compiled(*arguments)
        totals["loss"].block_until_ready()
        os._exit(0)
    return first
loop.make_train_step = make_first_step
command.run(main.main)
"""


def start(folder: Path) -> Iterator[tuple[str, ...]]:
    networks = {
        "ViT-B/32": ("configs/whole.py:vit_b32", random_weights(folder)),
        "MobileNetV2": ("configs/whole.py:mobilenet_v2", MOBILENET),
    }
    for name, (config, weights) in networks.items():
        with tempfile.TemporaryDirectory() as cache:
            workdirs = [folder / f"start-{name[:3]}-{number}" for number in range(2)]
            first, second = [_start(config, weights, workdir, cache) for workdir in workdirs]
        yield (
            f"start until the first step, all of {name}",
            f"{second[0]:.1f} s the second time ({second[1]:.1f} with the step)",
            f"{first[0]:.1f} s the first ({first[1]:.1f})",
            f"{second[0] / first[0]:.2f} ({second[1] / first[1]:.2f})",
            "under 0.33",
        )


def _start(config: str, weights: Path, workdir: Path, cache: str) -> tuple[float, float]:
    """Seconds until the first step begins, and until it is done."""
    began = float("nan")
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", UNTIL_THE_FIRST_STEP, *flags_of(config, weights, workdir)],
        env={**os.environ, "VITLAB_CACHE": cache},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "first step begins\n":
                began = time.monotonic() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    if math.isnan(began):
        raise RuntimeError(f"no first step was seen of {process.args!r}")
    return began, time.monotonic() - started
