"""Random rectangles: the part of an image that is kept, and the part that is erased."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from vitlab.augmentation_settings import Colour

Image = Float[Array, "height width channels"]
Scalar = Float[Array, ""]

TRIES = 10  # as in torchvision, for a rectangle that fits
BOX_DRAWS = 2 * TRIES + 2
HOLE_DRAWS = BOX_DRAWS + 1


class Box(NamedTuple):
    """In shares of the image's height and width."""

    top: Scalar
    left: Scalar
    height: Scalar
    width: Scalar


def random_box(draws: Float[Array, "22"], least: float, most: float, aspect: float) -> Box:
    """A rectangle of `least` to `most` of the area, anywhere in the image, by draws from [0, 1).

    It is up to `aspect` times as wide as high, or as high as wide, measured in the image's own sides:
    area and logarithm of the aspect are uniform among those that fit (Szegedy et al. 2015). Should
    none of ten fit, which has a chance of less than one in ten thousand at the usual settings, the first
    is cut to the image.
    """
    down, right = draws[:2]
    areas, aspects = draws[2:].reshape(2, TRIES)
    area = least + (most - least) * areas
    ratio = jnp.exp(math.log(aspect) * (2 * aspects - 1))
    heights, widths = jnp.sqrt(area / ratio), jnp.sqrt(area * ratio)
    first = jnp.argmax((heights <= 1) & (widths <= 1))
    height, width = jnp.minimum(heights[first], 1), jnp.minimum(widths[first], 1)
    return Box(down * (1 - height), right * (1 - width), height, width)


def inside(box: Box, height: int, width: int) -> Bool[Array, "height width"]:
    """The pixels whose centre lies in the box."""
    rows, columns = (jnp.arange(length) + 0.5 for length in (height, width))
    in_rows = (rows >= box.top * height) & (rows < (box.top + box.height) * height)
    in_columns = (columns >= box.left * width) & (columns < (box.left + box.width) * width)
    return in_rows[:, None] & in_columns


def draw_hole(draws: Float[Array, "23"], chance: float) -> Box:
    """With a chance, a box of 2 to 33 % of the area (Zhong et al. 2020), else an empty one, by draws
    from [0, 1)."""
    box = random_box(draws[1:], least=0.02, most=0.33, aspect=1 / 0.3)
    return box._replace(height=jnp.where(draws[0] < chance, box.height, 0.0))


def erased(image: Image, box: Box, fill: Colour) -> Image:
    hidden = inside(box, image.shape[0], image.shape[1])
    return jnp.where(hidden[..., None], jnp.array(fill, image.dtype), image)
