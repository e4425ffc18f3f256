"""Our side of a parity check: a network filled with a publisher's tensors, as vitlab fills it."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from tests.parity.cases import Case
from tests.parity.recipe import Tensors
from vitlab.models import Arrays, Network, create, initialise, outline, preset
from vitlab.weights.layouts import LAYOUTS

CLASSES = 1000


@dataclass(frozen=True)
class Ours:
    network: Network
    parameters: Arrays
    statistics: Arrays

    def logits(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(jax.jit(self.network)(self.parameters, self.statistics, jnp.asarray(images)))

    def training_logits(self, images: np.ndarray) -> np.ndarray:
        """By the batch's own statistics."""
        step = jax.jit(functools.partial(self.network.train, moves=True))
        return np.asarray(step(self.parameters, self.statistics, jnp.asarray(images))[0])

    def features(self, images: np.ndarray) -> np.ndarray:
        @jax.jit
        def run(parameters, statistics, images):
            return self.network.module(parameters, statistics).backbone.features(images)

        return np.asarray(run(self.parameters, self.statistics, jnp.asarray(images)))


def fill(case: Case, tensors: Tensors, size: int) -> Ours:
    """The network of `case` for images of `size`, with the weights in the publisher's layout."""
    chosen = preset(case.model)
    layouts = [entry for entry in LAYOUTS[chosen.family] if case.publisher in entry.publisher]
    layout = max(layouts, key=lambda entry: entry.recognised(tensors))
    options = {**layout.options, **case.options, "input_size": size}

    def build():
        return create(case.model, num_classes=CLASSES, **options)

    _, parameters, statistics = outline(build)
    filled = layout.fill(tensors, parameters | statistics, case.name)
    assert filled.has_head
    return Ours(*initialise(build, filled.arrays))
