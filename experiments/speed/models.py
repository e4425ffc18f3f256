"""The networks against PyTorch on this machine: inference and a full training step.

    pip install -e .[parity]
    python -m experiments.speed.models [--networks=mobilenet_v2,vit_ti16] [--rounds=3]

Each rival lives in a process of its own, as a user would start it, and they take turns on the same work,
so that whatever else the machine does meets all of them. PyTorch runs timm's networks (CvT is Hugging
Face's) eagerly in either memory layout, once with the allocator as it finds it and once with the setting
that vitlab's commands give themselves ("tuned"), and compiled by `torch.compile`. A turn is three
batches in a row, since memory that has lain idle is slow at first; a figure is the best batch's. The
first call compiles, with an empty cache; its ratio is to vitlab with the plain formulation of every
layer, which takes no further turns.
"""

import multiprocessing
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from absl import flags

from vitlab import command, runtime
from vitlab.errors import InputError


@dataclass(frozen=True)
class Network:
    """What runs: the name in timm, the batch, and the layout in which `torch.compile` is tried."""

    theirs: str
    batch: int
    layout: str = "channels_last"
    size: int = 224


NETWORKS = {
    "vit_b32": Network("vit_base_patch32_224", 16, "contiguous_format"),
    "vit_ti16": Network("vit_tiny_patch16_224", 32, "contiguous_format"),
    "cvt13": Network("Hugging Face's", 16, "contiguous_format"),
    "mobilenet_v2": Network("mobilenetv2_100", 32),
    "resnet50": Network("resnet50", 16),
    "vgg16": Network("vgg16", 16),
    "inception_v3": Network("inception_v3", 16, size=299),
}
WORKS = ("inference", "full step")
BATCHES_PER_TURN = 3
CLASSES = 10
LAYOUTS = ("contiguous_format", "channels_last")

_NETWORKS = flags.DEFINE_list("networks", list(NETWORKS), "What to measure.")
_COMPILED = flags.DEFINE_bool("compiled", True, "Also try `torch.compile`, which takes minutes.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Turns of each rival.", lower_bound=1)

Work = Callable[[], None]  # one batch, waited for


def main() -> None:
    unknown = set(_NETWORKS.value) - NETWORKS.keys()
    if unknown:
        raise InputError(f"--networks: {sorted(unknown)} are not measured; these are: {list(NETWORKS)}")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; images a second")
    columns = ("network", "work", "vitlab", "PyTorch", "ratio", "tuned", "ratio", "compiled", "ratio")
    _print_row(*columns, "first call, s", "plain JAX", "ratio")
    _print_row(*["---"] * (len(columns) + 3))
    for name in _NETWORKS.value:
        _measure(name)


def _measure(name: str) -> None:
    network = NETWORKS[name]
    ours, plain = Rival(name, tuned=True), Rival(name, tuned=True, reference=True)
    eager = [Rival(name, layout=layout) for layout in LAYOUTS]
    tuned = [Rival(name, layout=layout, tuned=True) for layout in LAYOUTS]
    compiled = [Rival(name, layout=network.layout, compiled=True)] if _COMPILED.value else []
    rivals = [ours, *eager, *tuned, *compiled]
    for work in WORKS:
        first = [rival.seconds(work) for rival in (ours, plain)]
        if work == WORKS[-1]:
            plain.close()
        for rival in rivals[1:]:
            rival.seconds(work)
        rounds = [[rival.turn(work) for rival in rivals] for _ in range(_ROUNDS.value)]
        rates = network.batch / np.min(rounds, axis=0)
        cells = [f"{rates[0]:.1f}"]
        for rate in (rates[1:3].max(), rates[3:5].max(), *rates[5:]):
            cells += [f"{rate:.1f}", f"{rates[0] / rate:.2f}"] if rate else ["fails", ""]
        cells += [] if compiled else ["", ""]
        _print_row(name, work, *cells, *(f"{s:.1f}" for s in first), f"{first[0] / first[1]:.1f}")
    for rival in rivals:
        rival.close()


def _print_row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


class Rival:
    """A process that does the work of one framework when it is told to."""

    def __init__(self, network: str, *, tuned: bool = False, **options: Any):
        self.told = f"{network} with {options}"
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, network, options), daemon=True)
        ours = os.environ.pop("GLIBC_TUNABLES", "")
        if tuned:
            os.environ["GLIBC_TUNABLES"] = ours
        self.process.start()
        os.environ["GLIBC_TUNABLES"] = ours
        theirs.close()

    def seconds(self, work: str) -> float:
        """How long one batch takes; without end, if PyTorch cannot compile the network."""
        try:
            self.pipe.send(work)
            return self.pipe.recv()
        except (EOFError, BrokenPipeError):
            self.process.join()
            killed = self.process.exitcode == -signal.SIGKILL
            how = "was killed; for want of memory?" if killed else "ended; its traceback stands above"
            raise InputError(f"{self.told} {how}") from None

    def turn(self, work: str) -> float:
        """The seconds of the best of a few batches in a row."""
        return min(self.seconds(work) for _ in range(BATCHES_PER_TURN))

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join()


def _serve(pipe: Connection, name: str, options: dict[str, Any]) -> None:
    network = NETWORKS[name]
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (network.batch, network.size, network.size, 3), np.uint8)
    labels = random.integers(0, CLASSES, network.batch)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["VITLAB_CACHE"] = os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        if "layout" in options:
            works = _theirs(network, images, labels, **options)
        else:
            works = _ours(name, images, labels, **options)
        for work in iter(pipe.recv, None):
            started = time.perf_counter()
            try:
                works[work]()
            except Exception:
                if not options.get("compiled"):
                    raise
                print(f"torch.compile, {name}: {traceback.format_exc(limit=0)}", file=sys.stderr)
                pipe.send(float("inf"))
                continue
            pipe.send(time.perf_counter() - started)


def _ours(
    name: str, images: np.ndarray, labels: np.ndarray, *, reference: bool = False
) -> dict[str, Work]:
    if reference:
        os.environ["VITLAB_LAYERS"] = "reference"
    runtime.start()
    import jax
    import jax.numpy as jnp
    import optax

    from vitlab.models import create, initialise
    from vitlab.training import first_state, make_train_step

    network, parameters, statistics = initialise(lambda: create(name, num_classes=CLASSES), {})
    optimizer = optax.adam(1e-4)
    batch = (jnp.asarray(images), jnp.asarray(labels), jnp.ones(len(labels)))

    def forward(parameters, statistics, images, key):
        return network.train(parameters, statistics, images, moves=bool(statistics), dropout=key)

    infer = jax.jit(network, compiler_options=network.compiler_options())
    step = make_train_step(network, forward, optimizer, jax.random.key(0))
    state = first_state(parameters, statistics, optimizer)
    frozen: dict[str, dict] = {"parameters": {}, "statistics": {}}

    def inference() -> None:
        jax.block_until_ready(infer(parameters, statistics, batch[0]))

    def full_step() -> None:
        nonlocal state
        state, _ = step(state, frozen, *batch)
        jax.block_until_ready(state)

    return dict(zip(WORKS, (inference, full_step), strict=True))


def _theirs(
    network: Network, images: np.ndarray, labels: np.ndarray, *, layout: str, compiled: bool = False
) -> dict[str, Work]:
    import torch

    memory_format = getattr(torch, layout)
    torch.manual_seed(0)
    model = _hugging_face() if network.theirs == "Hugging Face's" else _timm(network.theirs)
    model = model.to(memory_format=memory_format)
    run = torch.compile(model) if compiled else model
    inputs = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
    inputs = inputs.contiguous(memory_format=memory_format)
    truth = torch.from_numpy(labels)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4, fused=True)

    def inference() -> None:
        model.eval()
        with torch.inference_mode():
            run(inputs)

    def full_step() -> None:
        model.train()
        optimizer.zero_grad()
        outputs = run(inputs)
        torch.nn.functional.cross_entropy(getattr(outputs, "logits", outputs), truth).backward()
        optimizer.step()

    return dict(zip(WORKS, (inference, full_step), strict=True))


def _timm(name: str) -> Any:
    import timm

    return timm.create_model(name, num_classes=CLASSES)


def _hugging_face() -> Any:
    import transformers

    return transformers.CvtForImageClassification(transformers.CvtConfig(num_labels=CLASSES))


if __name__ == "__main__":
    command.run(main)
