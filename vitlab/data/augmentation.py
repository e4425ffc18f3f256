"""Random changes of training images, on the device, a pure function of (images, key).

Flip, rotation, shift and zoom are one affine map and one bilinear resampling, whatever their number
(S0-09); beyond its border an image repeats its edge, as in Keras's ImageDataGenerator, which the
study used.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Num

from vitlab.config import Augmentation

Images = Num[Array, "batch height width channels"]
Changed = Float[Array, "batch height width channels"]


def augment(images: Images, key: Key[Array, ""], settings: Augmentation) -> Changed:
    """Images in [0, 255], each changed by draws of its own, in float32 in [0, 255]."""
    keys = jax.random.split(key, len(images))
    return jax.vmap(_augment_one, in_axes=(0, 0, None))(images, keys, settings)


def _augment_one(
    image: Num[Array, "height width channels"], key: Key[Array, ""], settings: Augmentation
) -> Float[Array, "height width channels"]:
    flip, rotation, rows, columns, zoom, brightness = jax.random.uniform(
        key, (6,), minval=-1.0, maxval=1.0
    )
    image = image.astype(jnp.float32)
    if settings.flip or settings.rotation or settings.shift or settings.zoom:
        angle = jnp.deg2rad(settings.rotation * rotation)
        scale = 1 + settings.zoom * zoom
        mirror = jnp.where(flip > 0, -1.0, 1.0) if settings.flip else 1.0
        turn = jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]])
        back = turn @ jnp.diag(jnp.array([1.0, mirror])) / scale
        size = jnp.array(image.shape[:2], jnp.float32)
        image = _resample(image, back, settings.shift * jnp.array([rows, columns]) * size)
    if settings.brightness:
        image = jnp.clip(image * (1 + settings.brightness * brightness), 0, 255)
    return image


def _resample(
    image: Float[Array, "height width channels"],
    back: Float[Array, "2 2"],
    shift: Float[Array, "2"],
) -> Float[Array, "height width channels"]:
    """Each output pixel, seen from the centre, is read at `back @ position - shift`, bilinearly."""
    height, width, channels = image.shape
    centre = jnp.array([height - 1, width - 1]) / 2
    grid = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), axis=-1)
    where = (grid - centre) @ back.T + centre - shift
    where = jnp.clip(where, 0, jnp.array([height - 1, width - 1]))
    corner = jnp.minimum(jnp.floor(where), jnp.array([max(height - 2, 0), max(width - 2, 0)]))
    row_share, column_share = jnp.split(where - corner, 2, axis=-1)
    row, column = corner[..., 0].astype(jnp.int32), corner[..., 1].astype(jnp.int32)
    next_row, next_column = jnp.minimum(row + 1, height - 1), jnp.minimum(column + 1, width - 1)
    pixels = image.reshape(-1, channels)

    def at(rows: Array, columns: Array) -> Array:
        return pixels[rows * width + columns]

    top = at(row, column) * (1 - column_share) + at(row, next_column) * column_share
    bottom = at(next_row, column) * (1 - column_share) + at(next_row, next_column) * column_share
    return top * (1 - row_share) + bottom * row_share
