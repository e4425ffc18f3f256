"""Who should multiply on this processor: what XLA takes if it is left alone (YNNPACK), or Eigen.

    python -m experiments.speed.products [--networks=vit_l16] [--batch=8] [--steps] [--rounds=2]

A star marks what `Network.compiler_options` takes for the network on this processor. Both take turns on
the same images, with weights drawn at random; a figure is the best batch's.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import flags

from vitlab import command, runtime

Work = Callable[[], Any]

CLASSES = 1000
BATCHES = 3  # in a row, in every turn

_NETWORKS = flags.DEFINE_list("networks", ["vit_l16", "vit_b32"], "Presets.")
_BATCH = flags.DEFINE_integer("batch", 8, "Images.", lower_bound=1)
_STEPS = flags.DEFINE_bool("steps", False, "Full steps with Adam instead of answers.")
_ROUNDS = flags.DEFINE_integer("rounds", 2, "Turns of each.", lower_bound=1)


def main() -> None:
    runtime.start()
    print("| network | left alone, images/s | Eigen | ratio |")
    print("| --- | --- | --- | --- |")
    for name in _NETWORKS.value:
        print(f"| {name} | {' | '.join(_row(name))} |", flush=True)


def _row(name: str) -> list[str]:
    from vitlab.models import create, initialise
    from vitlab.models.layers.backend import BY_EIGEN

    network, parameters, statistics = initialise(lambda: create(name, num_classes=CLASSES), {})
    libraries = [None, BY_EIGEN]
    size = network.module(parameters, statistics).backbone.input_size
    images = np.random.default_rng(0).integers(0, 256, (_BATCH.value, size, size, 3), np.uint8)
    works_by = (_steps if _STEPS.value else _answers)(network, parameters, statistics, images)
    works = [works_by(options) for options in libraries]
    for work in works:
        work()  # compiles
    best = [float("inf")] * len(works)
    for _ in range(_ROUNDS.value):
        for index, work in enumerate(works):
            best[index] = min(best[index], *(_seconds(work) for _ in range(BATCHES)))
    alone, eigen = (
        (_BATCH.value / seconds, "*" if options == network.compiler_options() else "")
        for seconds, options in zip(best, libraries, strict=True)
    )
    return [*(f"{rate:.2f}{star}" for rate, star in (alone, eigen)), f"{eigen[0] / alone[0]:.2f}"]


def _answers(network: Any, parameters: Any, statistics: Any, images: Any) -> Callable[[Any], Work]:
    import jax

    def by(options: Any) -> Work:
        answer = jax.jit(network, compiler_options=options)
        return lambda: jax.block_until_ready(answer(parameters, statistics, images))

    return by


def _steps(network: Any, parameters: Any, statistics: Any, images: Any) -> Callable[[Any], Work]:
    """All go on from one state, so that a large network fits into the memory."""
    import jax
    import jax.numpy as jnp
    import optax

    from vitlab.training import first_state
    from vitlab.training.step import train_step

    def forward(parameters, statistics, images, key):
        return network.train(parameters, statistics, images, moves=bool(statistics), dropout=key)

    optimizer = optax.adam(1e-4)
    uncompiled = train_step(forward, optimizer, jax.random.key(0))
    state = first_state(parameters, statistics, optimizer)
    frozen: dict[str, dict] = {"parameters": {}, "statistics": {}}
    batch = (images, jnp.zeros(len(images), jnp.int32), jnp.ones(len(images)))

    def by(options: Any) -> Work:
        step = jax.jit(uncompiled, donate_argnums=0, compiler_options=options)

        def work() -> None:
            nonlocal state
            state, _ = step(state, frozen, *batch)
            jax.block_until_ready(state)

        return work

    return by


def _seconds(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    command.run(main)
