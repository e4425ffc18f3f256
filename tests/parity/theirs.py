"""The face of a publisher's network: shapes by published name, logits, features."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tests.parity.recipe import Tensors

# Mean and standard deviation in [0, 255].
IMAGENET = (np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255)


@dataclass(frozen=True)
class Answer:
    """logits [batch, classes], features with the channels last."""

    logits: np.ndarray
    features: np.ndarray


class Theirs(Protocol):
    shapes: dict[str, tuple[int, ...]]

    def run(self, tensors: Tensors, images: np.ndarray, *, training: bool) -> Answer: ...
