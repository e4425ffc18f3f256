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
    """The whole image squashed, or the central part that the publisher's evaluation looked at."""
    size, filter_ = preprocessing.size, FILTERS[preprocessing.interpolation]
    shortest = min(image.size)
    if mode == "squash":
        return np.asarray(image.resize((size, size), filter_))
    if preprocessing.crop_first:
        side = preprocessing.crop * shortest
        left, top = ((length - side) / 2 for length in image.size)
        return np.asarray(image.resize((size, size), filter_, box=(left, top, left + side, top + side)))
    # The middle of the image whose shorter side was resized, without making the rest of that image.
    shorter = int(size / preprocessing.crop)
    box = []
    for length in image.size:
        resized = shorter * length // shortest
        first = round((resized - size) / 2)
        box.append((first * length / resized, (first + size) * length / resized))
    (left, right), (top, bottom) = box
    return np.asarray(image.resize((size, size), filter_, box=(left, top, right, bottom)))
