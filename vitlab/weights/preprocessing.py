"""How the publisher of a checkpoint brought images to the network's input size."""

from dataclasses import dataclass
from typing import Literal

Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class Preprocessing:
    """A central square of `crop` of the shorter side, resized with an antialiased filter.

    Normalisation is not here: it is the first thing inside a network.
    """

    size: int
    interpolation: Interpolation
    crop: float
