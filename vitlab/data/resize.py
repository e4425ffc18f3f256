"""Any image to the square that a network takes, with Pillow's antialiased filters."""

from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vitlab.weights import Preprocessing

Mode = Literal["squash", "crop"]
Pixels = UInt8[np.ndarray, "size size 3"]

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def to_square(image: Image.Image, preprocessing: Preprocessing, mode: Mode) -> Pixels:
    """The whole image squashed, or the central part that the publisher's evaluation looked at.

    "crop" resizes the shorter side to size / crop (224 / 0.875 = 256) and cuts the middle out, as
    torchvision and timm do.
    """
    size, filter_ = preprocessing.size, FILTERS[preprocessing.interpolation]
    if mode == "squash":
        return np.asarray(image.resize((size, size), filter_))
    width, height = image.size
    shorter = int(size / preprocessing.crop)
    shortest = min(width, height)
    scaled = (shorter * width // shortest, shorter * height // shortest)
    resized = image.resize(scaled, filter_)
    left, top = (round((length - size) / 2) for length in scaled)
    return np.asarray(resized.crop((left, top, left + size, top + size)))
