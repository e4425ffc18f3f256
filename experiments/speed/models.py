"""The networks against PyTorch on this machine: inference and a full training step.

    pip install -e .[parity]
    python -m experiments.speed.models [--networks=mobilenet_v2,vit_ti16] [--batch_size=32] [--rounds=5]

Each rival lives in a process of its own, as a user would start it: vitlab with the allocator setting
that its commands give themselves, PyTorch with timm's network, eager, in either memory layout. They
take turns on the same work, so that whatever else the machine does meets all of them. A figure is
the best round's; the ratio is against the faster PyTorch layout.
"""

import multiprocessing
import os
import platform
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np
from absl import flags

from vitlab import command, runtime
from vitlab.errors import InputError

TIMM = {
    "mobilenet_v2": "mobilenetv2_100",
    "vit_ti16": "vit_tiny_patch16_224",
    "vit_b32": "vit_base_patch32_224",
}
WORKS = ("inference", "full step")
CLASSES = 10

_NETWORKS = flags.DEFINE_list("networks", ["mobilenet_v2", "vit_ti16", "vit_b32"], f"Of {list(TIMM)}.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images of 224 x 224 pixels.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Turns of each rival.", lower_bound=1)

Work = Callable[[], None]  # one batch, waited for


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    print(f"{'images a second':24}{'':12}" + "".join(f"{name:>24}" for name in RIVALS) + f"{'ratio':>8}")
    for network in _NETWORKS.value:
        rivals = [Rival(name, network, _BATCH_SIZE.value) for name in RIVALS]
        for work in WORKS:
            first = [rival.seconds(work) for rival in rivals]
            rounds = [[rival.seconds(work) for rival in rivals] for _ in range(_ROUNDS.value)]
            rates = _BATCH_SIZE.value / np.min(rounds, axis=0)
            shown = "".join(
                f"{f'{rate:.1f} (first {seconds:.1f} s)':>24}"
                for rate, seconds in zip(rates, first, strict=True)
            )
            print(f"{network:24}{work:12}{shown}{rates[0] / rates[1:].max():8.2f}", flush=True)
        for rival in rivals:
            rival.close()


class Rival:
    """A process that does the work of one framework when it is told to."""

    def __init__(self, name: str, network: str, batch_size: int):
        self.name = name
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        tunables = os.environ.pop("GLIBC_TUNABLES", None)
        if name == "vitlab" and tunables:
            os.environ["GLIBC_TUNABLES"] = tunables
        self.process = context.Process(
            target=_serve, args=(theirs, name, network, batch_size), daemon=True
        )
        self.process.start()
        theirs.close()
        if tunables:
            os.environ["GLIBC_TUNABLES"] = tunables

    def seconds(self, work: str) -> float:
        """How long one batch takes."""
        try:
            self.pipe.send(work)
            return self.pipe.recv()
        except (EOFError, BrokenPipeError):
            raise InputError(f"{self.name} ended; its traceback stands above") from None

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join()


def _serve(pipe: Connection, name: str, network: str, batch_size: int) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (batch_size, 224, 224, 3), np.uint8)
    labels = random.integers(0, CLASSES, batch_size)
    works = RIVALS[name](network, images, labels)
    for work in iter(pipe.recv, None):
        started = time.perf_counter()
        works[work]()
        pipe.send(time.perf_counter() - started)


def _ours(name: str, images: np.ndarray, labels: np.ndarray) -> dict[str, Work]:
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
        if statistics:
            return network.train(parameters, statistics, images, moves=True)
        return network(parameters, statistics, images), {}

    infer = jax.jit(network)
    step = make_train_step(forward, optimizer, jax.random.key(0))
    state = first_state(parameters, statistics, optimizer)
    frozen: dict[str, dict] = {"parameters": {}, "statistics": {}}

    def inference() -> None:
        jax.block_until_ready(infer(parameters, statistics, batch[0]))

    def full_step() -> None:
        nonlocal state
        state, _ = step(state, frozen, *batch)
        jax.block_until_ready(state)

    return dict(zip(WORKS, (inference, full_step), strict=True))


def _theirs(layout: str) -> Callable[[str, np.ndarray, np.ndarray], dict[str, Work]]:
    def works(name: str, images: np.ndarray, labels: np.ndarray) -> dict[str, Work]:
        import timm
        import torch

        memory_format = getattr(torch, layout)
        torch.manual_seed(0)
        model = timm.create_model(TIMM[name], num_classes=CLASSES).to(memory_format=memory_format)
        inputs = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
        inputs = inputs.contiguous(memory_format=memory_format)
        truth = torch.from_numpy(labels)
        optimizer = torch.optim.Adam(model.parameters(), 1e-4, fused=True)

        def inference() -> None:
            model.eval()
            with torch.inference_mode():
                model(inputs)

        def full_step() -> None:
            model.train()
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs), truth).backward()
            optimizer.step()

        return dict(zip(WORKS, (inference, full_step), strict=True))

    return works


RIVALS = {
    "vitlab": _ours,
    "PyTorch": _theirs("contiguous_format"),
    "PyTorch channels_last": _theirs("channels_last"),
}


if __name__ == "__main__":
    command.run(main)
