"""How the publisher of a checkpoint brought images to the network's input size."""

from dataclasses import dataclass
from typing import Literal

from vitlab.errors import InputError

LARGEST_SIZE = 10_000  # pixels per side
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

    def __post_init__(self) -> None:
        check_size(self.size)
        if not 0 < self.crop <= 1:
            raise InputError(f"a crop of {self.crop}; it must be above 0 and at most 1")


def check_size(size: float) -> None:
    """Of any network's input, in pixels per side. Raises InputError if it cannot be."""
    if not 0 < size <= LARGEST_SIZE:
        raise InputError(f"an input size of {size} pixels; it must be 1 to {LARGEST_SIZE}")
