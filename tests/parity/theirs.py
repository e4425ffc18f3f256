"""The face of a publisher's network: shapes by published name, logits, features, moved statistics."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tests.parity.recipe import Tensors

# Mean and standard deviation in [0, 255].
IMAGENET = (np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255)


@dataclass(frozen=True)
class Answer:
    """logits [batch, classes], features with the channels last.

    `moved` are the statistics of batch norm after one training step, by the names of who answers; there
    are none in inference.
    """

    logits: np.ndarray
    features: np.ndarray
    moved: Tensors = field(default_factory=dict)


class Theirs(Protocol):
    shapes: dict[str, tuple[int, ...]]

    def run(self, tensors: Tensors, images: np.ndarray, *, training: bool) -> Answer: ...
