"""Our side of a parity check: a network filled with a publisher's tensors, as vitlab fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from tests.parity.case import Case
from tests.parity.recipe import Tensors, draw_texts
from tests.parity.theirs import Answer
from vitlab.models import (
    Arrays,
    Classifier,
    CLIPText,
    Network,
    create,
    create_text,
    initialise,
    outline,
    preset,
    similarity,
)
from vitlab.models.functional import arrays
from vitlab.weights.layouts import LAYOUTS, Layout

CLASSES = 1000


@dataclass(frozen=True)
class Ours:
    """A filled network; `answer` gives the logits of images: those of the network's own head, or for
    CLIP those over texts."""

    network: Network
    parameters: Arrays
    statistics: Arrays
    answer: Callable[[Classifier, Array], Array] = Classifier.__call__

    def infer(self, images: np.ndarray) -> Answer:
        @partial(jax.jit, compiler_options=self.network.compiler_options())
        def run(parameters, statistics, images):
            module = self.network.module(parameters, statistics)
            return self.answer(module, images), module.backbone.features(images)

        logits, features = run(self.parameters, self.statistics, jnp.asarray(images))
        return Answer(np.asarray(logits), np.asarray(features))

    def train(self, images: np.ndarray) -> tuple[np.ndarray, Tensors]:
        """Logits by the batch's own statistics, and the stored ones moved towards these."""

        @partial(jax.jit, compiler_options=self.network.compiler_options())
        def run(parameters, statistics, images):
            module = self.network.module(parameters, statistics)
            module.train()
            return self.answer(module, images), arrays(module)[1]

        logits, moved = run(self.parameters, self.statistics, jnp.asarray(images))
        return np.asarray(logits), {path: np.asarray(array) for path, array in moved.items()}

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, Tensors]:
        """Of the mean cross-entropy, by the images and by every parameter."""
        parameters, statistics = jax.tree.map(
            lambda array: array.astype(jnp.float64), (self.parameters, self.statistics)
        )

        @jax.jit
        def run(parameters, images):
            def loss(parameters, images):
                logits = self.answer(self.network.module(parameters, statistics), images)
                return -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels].mean()

            return jax.grad(loss, argnums=(0, 1))(parameters, images)

        by_parameters, by_images = run(parameters, jnp.asarray(images, jnp.float64))
        return np.asarray(by_images), {path: np.asarray(array) for path, array in by_parameters.items()}


def fill(case: Case, tensors: Tensors, size: int, seed: int, **options: str) -> Ours:
    """The network of `case` for images of `size`, with the weights in the publisher's layout."""
    build, arrays = _translated(case, tensors, size, options)
    network = initialise(build, arrays)
    if case.model.startswith("clip"):
        return Ours(*network, _compare_with_texts(case, tensors, seed))
    return Ours(*network) if case.has_top else Ours(*network, Classifier.embed)


def translate(case: Case, tensors: Tensors, size: int) -> Tensors:
    """Tensors by the publisher's names (weights, or their gradients) by our paths."""
    return _translated(case, tensors, size, {})[1]


def _translated(
    case: Case, tensors: Tensors, size: int, more: dict[str, str]
) -> tuple[Callable[[], Classifier], Tensors]:
    layout = _layout(preset(case.model).family, case, tensors)
    options = {**layout.options, **case.options, "input_size": size, **more}

    def build() -> Classifier:
        return create(case.model, num_classes=CLASSES, **options)

    _, parameters, statistics = outline(build)
    arrays = layout.fill(dict(tensors), parameters | statistics, case.name)
    assert ("head/bias" in arrays) == (case.has_top and not case.model.startswith("clip"))
    return build, arrays


def _compare_with_texts(case: Case, tensors: Tensors, seed: int) -> Callable[[Classifier, Array], Array]:
    """Logits of images over texts, by the text tower of the same weights."""
    layout = _layout("clip_text", case, tensors)

    def build() -> CLIPText:
        return create_text(case.model, **{**layout.options, **case.options})

    _, shapes, _ = outline(build)
    network, parameters, _ = initialise(build, layout.fill(dict(tensors), shapes, case.name))

    @partial(jax.jit, compiler_options=network.compiler_options())
    def embed(parameters, texts):
        return network.module(parameters, {})(texts)

    embedding = embed(parameters, jnp.asarray(draw_texts(seed)))
    scale = network.module(parameters, {}).scale[...]
    return lambda module, images: similarity(module.embed(images), embedding, scale)


def _layout(family: str, case: Case, tensors: Tensors) -> Layout:
    layouts = [entry for entry in LAYOUTS[family] if case.publisher in entry.publisher]
    return max(layouts, key=lambda entry: entry.recognised(tensors))
