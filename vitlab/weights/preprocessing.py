"""How the publisher of a checkpoint brought images to the network's input size."""

from dataclasses import dataclass
from typing import Literal

Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class Preprocessing:
    """Any image to a square of `size` pixels a side, with an antialiased filter.

    Normalisation is not here: it is the first thing inside a network.

    Attributes:
        crop: how much of the shorter side the central square has.
        crop_first: cut the square out, then resize it (TensorFlow, Keras); otherwise resize the
            shorter side to size / crop, then cut (timm, torchvision).
    """

    size: int
    interpolation: Interpolation
    crop: float
    crop_first: bool
