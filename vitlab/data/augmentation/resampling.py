"""An image read at the places where an affine map leads, bilinearly, and what lies beyond its border."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from vitlab.augmentation_settings import Colour, Padding
from vitlab.data.augmentation.geometry import Map

Image = Float[Array, "height width channels"]
Places = Float[Array, "height width"]


def resample(image: Image, back: Map, padding: Padding, fill: Colour) -> Image:
    """Each pixel of the new image is the old one at `back @ (row, column, 1)`, from the centre."""
    height, width, channels = image.shape
    framed = _framed(image, padding, fill)
    rows, columns = (jnp.arange(length) - (length - 1) / 2 for length in (height, width))

    def places(line: Float[Array, "3"], length: int) -> Places:
        found = line[0] * rows[:, None] + line[1] * columns + line[2] + (length - 1) / 2
        return _within(found, length, padding)

    row, column = places(back[0], height), places(back[1], width)
    top, left = _corner(row, framed.shape[0]), _corner(column, framed.shape[1])
    pixels = framed.reshape(-1, channels)
    index = (top * framed.shape[1] + left).astype(jnp.int32).reshape(-1)
    # XLA on CPU would compute both again for each of the four neighbours and each channel.
    pixels, index = lax.optimization_barrier((pixels, index))

    def at(offset: int) -> Float[Array, "positions channels"]:
        return pixels.at[index + offset].get(mode="promise_in_bounds")

    # An image of one row or column has no next one.
    right = min(framed.shape[1] - 1, 1)
    below = framed.shape[1] if framed.shape[0] > 1 else 0
    row_share, column_share = (row - top).reshape(-1, 1), (column - left).reshape(-1, 1)
    # In this form both ends are exact, so that a mirror image is.
    upper = at(0) * (1 - column_share) + at(right) * column_share
    lower = at(below) * (1 - column_share) + at(below + right) * column_share
    return (upper * (1 - row_share) + lower * row_share).reshape(image.shape)


def _within(places: Places, length: int, padding: Padding) -> Places:
    """Where the same places are found in the framed image."""
    if padding == "wrap":
        return jnp.mod(places, length) + 1
    if padding == "constant":
        return jnp.clip(places, -1, length) + 1
    if padding == "reflect":
        places = length - jnp.abs(jnp.mod(places + 0.5, 2 * length) - length) - 0.5
    return jnp.clip(places, 0, length - 1)


def _corner(places: Places, length: int) -> Places:
    """The last pixel at or before each place that has a next one."""
    return jnp.minimum(jnp.floor(places), max(length - 2, 0))


def _framed(image: Image, padding: Padding, fill: Colour) -> Float[Array, "height2 width2 channels"]:
    """With one pixel more on every side, where it differs from the one on the border."""
    if padding in ("edge", "reflect"):
        return image
    frame = ((1, 1), (1, 1), (0, 0))
    if padding == "wrap":
        return jnp.pad(image, frame, "wrap")
    inside = jnp.pad(jnp.ones(image.shape[:2], bool), frame[:2])
    return jnp.where(inside[..., None], jnp.pad(image, frame), jnp.array(fill, image.dtype))
