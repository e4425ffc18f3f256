"""One comparison of a network of ours with a publisher's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.parity.recipe import Order, Shapes, Tensors, draw_tensors


@dataclass(frozen=True)
class Case:
    """One network of one publisher.

    Attributes:
        model: our preset.
        publisher: whose code computes the golden logits, and in whose layout the weights are.
        theirs: the publisher's name of it.
        features: the publisher's module or layer whose output our `features` equals; "<" before it
            means its input.
        variant: tells apart what model and publisher do not; part of the name.
        options: of our network, beside those that its preset and the layout bring.
        theirs_options: of the publisher's.
        has_top: the weights have a head; without one, the embedding takes the place of the logits.
        sizes: of the images: the native one, which the weights are for, and others.
        gain: of the random kernels (see `recipe`).
        training: compare the logits by the batch's own statistics too.
        gradients: compare the gradients of the loss, by the images and by every parameter, too. They
            need float64, which Keras's batch normalisation rounds to float32.
    """

    model: str
    publisher: str
    theirs: str
    features: str
    sizes: tuple[int, ...] = (224, 161)
    variant: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    theirs_options: Mapping[str, Any] = field(default_factory=dict)
    has_top: bool = True
    training: bool = False
    gradients: bool = False
    gain: float = 1.0

    @property
    def name(self) -> str:
        return "-".join(part for part in (self.model, self.publisher, self.variant) if part)

    @property
    def order(self) -> Order:
        return "out last" if self.publisher in ("keras", "google") else "out first"

    def draw(self, shapes: Shapes, seed: int) -> Tensors:
        """Random weights by the recipe; those of OpenAI, who publishes halves, are exact in float16."""
        tensors = draw_tensors(shapes, seed, self.order, self.gain)
        if self.publisher != "openai":
            return tensors
        return {name: tensor.astype(np.float16).astype(np.float32) for name, tensor in tensors.items()}
