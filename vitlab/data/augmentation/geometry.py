"""Flips, rotation, shift, zoom, shear and crop as one affine map.

A map is 3 x 3 and leads *back*: from (row, column, 1) of a pixel of the new image to where the old
one is read, both measured in pixels from the image's centre. So maps of several operations are
multiplied, the first operation leftmost.
"""

from functools import partial, reduce

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from vitlab.augmentation_settings import Augmentation
from vitlab.data.augmentation.boxes import BOX_DRAWS, Box, random_box

Map = Float[Array, "3 3"]
Number = Float[Array, ""] | float | int

DRAWS = BOX_DRAWS + 7


def draw_map(draws: Float[Array, "29"], size: tuple[int, int], settings: Augmentation) -> Map:
    """The map of all operations that the settings ask for, for an image of (height, width), from numbers
    in [0, 1)."""
    mirror, upside_down, angle, rows, columns, zoom, lean = 2 * draws[BOX_DRAWS:] - 1
    maps: list[Map] = []
    if settings.crop:
        box = random_box(draws[:BOX_DRAWS], least=settings.crop, most=1.0, aspect=settings.crop_aspect)
        maps.append(crop(box, size))
    if settings.shift:
        maps.append(move(-settings.shift * rows * size[0], -settings.shift * columns * size[1]))
    if settings.rotation:
        maps.append(turn(settings.rotation * angle))
    if settings.shear:
        maps.append(shear(columns=jnp.tan(jnp.deg2rad(settings.shear * lean))))
    if settings.zoom:
        factor = 1 + settings.zoom * zoom
        maps.append(scale(1 / factor, 1 / factor))
    if settings.flip:
        maps.append(scale(1.0, jnp.where(mirror > 0, -1.0, 1.0)))
    if settings.vertical_flip:
        maps.append(scale(jnp.where(upside_down > 0, -1.0, 1.0), 1.0))
    return compose(*maps)


def compose(*maps: Map) -> Map:
    """Their product, in full precision: an accelerator would multiply with 8 to 10 bits."""
    return reduce(partial(jnp.matmul, precision=lax.Precision.HIGHEST), maps, jnp.eye(3))


def move(rows: Number, columns: Number) -> Map:
    return _map([[1, 0, rows], [0, 1, columns], [0, 0, 1]])


def turn(degrees: Number) -> Map:
    angle = jnp.deg2rad(degrees)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return _map([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def shear(rows: Number = 0.0, columns: Number = 0.0) -> Map:
    """`columns` more columns with every row, `rows` more rows with every column."""
    return _map([[1, rows, 0], [columns, 1, 0], [0, 0, 1]])


def scale(rows: Number, columns: Number) -> Map:
    return _map([[rows, 0, 0], [0, columns, 0], [0, 0, 1]])


def crop(box: Box, size: tuple[int, int]) -> Map:
    """The box, enlarged to the whole image."""
    down = (box.top + box.height / 2 - 0.5) * size[0]
    right = (box.left + box.width / 2 - 0.5) * size[1]
    return compose(move(down, right), scale(box.height, box.width))


def _map(entries: list[list[Number]]) -> Map:
    return jnp.array(entries, jnp.float32)
