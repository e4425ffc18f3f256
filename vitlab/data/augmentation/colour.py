"""What changes the colours of one image and no pixel's place, in [0, 255]."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from vitlab.augmentation_settings import Augmentation

Image = Float[Array, "height width channels"]
Scalar = Float[Array, ""]

DRAWS = 6
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow's "L"
MIDDLE, SPREAD = 127.5, 63.75  # of a whitened image


class Tones(NamedTuple):
    """What an image draws: factors of adjustments, and whether its replacements happen."""

    factors: dict[str, Scalar]
    happens: dict[str, Bool[Array, ""]]


def draw(draws: Float[Array, "6"], settings: Augmentation) -> Tones:
    """Of the operations that the settings ask for, from numbers in [0, 1)."""
    of = dict(zip([*ADJUSTMENTS, *REPLACEMENTS], draws, strict=True))
    most = {name: getattr(settings, name) for name in ADJUSTMENTS if getattr(settings, name)}
    chances = {name: getattr(settings, name) for name in REPLACEMENTS if getattr(settings, name)}
    return Tones(
        {name: 1 + m * (2 * of[name] - 1) for name, m in most.items()},
        {name: of[name] < chance for name, chance in chances.items()},
    )


def change(image: Image, tones: Tones) -> Image:
    """First the adjustments, then the replacements, in the order of their tables."""
    for name, adjust in ADJUSTMENTS.items():
        if name in tones.factors:
            image = adjust(image, tones.factors[name])
    for name, replace in REPLACEMENTS.items():
        if name in tones.happens:
            image = lax.cond(tones.happens[name], replace, lambda image: image, image)
    return image


def brightness(image: Image, factor: Scalar) -> Image:
    return _away_from(jnp.zeros(()), image, factor)


def contrast(image: Image, factor: Scalar) -> Image:
    return _away_from(grey(image).mean(), image, factor)


def saturation(image: Image, factor: Scalar) -> Image:
    return _away_from(grey(image), image, factor)


def sharpness(image: Image, factor: Scalar) -> Image:
    """Away from the image smoothed by [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13, as in Pillow.

    The outermost pixels stay as they are.
    """
    height, width, _ = image.shape
    sums = sum(
        image[row : height - 2 + row, column : width - 2 + column]
        for row in range(3)
        for column in range(3)
    )
    smooth = image.at[1:-1, 1:-1].set((sums + 4 * image[1:-1, 1:-1]) / 13)
    return _away_from(smooth, image, factor)


def grey(image: Image) -> Float[Array, "height width 1"]:
    pixels = image.reshape(-1, image.shape[-1])  # XLA on CPU runs a product faster than a sum of three
    return jnp.matmul(pixels, jnp.array(LUMA), precision="highest").reshape(*image.shape[:2], 1)


def grayscale(image: Image) -> Image:
    return jnp.broadcast_to(grey(image), image.shape)


def whitened(image: Image) -> Image:
    """Zero mean and unit variance over all of the image, brought to where networks expect pixels.

    That is mean 127.5 and standard deviation 63.75, about those of a photograph, so that what is
    beyond two deviations is cut off. An image of one colour becomes the mean.
    """
    deviation = jnp.maximum(image.std(), image.size**-0.5)
    return jnp.clip(MIDDLE + SPREAD * (image - image.mean()) / deviation, 0, 255)


def equalised(image: Image) -> Image:
    """Every level about as often as any other, in each channel (Pillow's `ImageOps.equalize`)."""
    levels = jnp.round(image).astype(jnp.int32)
    counts = histogram(levels)
    last = jnp.argmax(jnp.where(counts > 0, jnp.arange(256)[:, None], -1), axis=0)
    step = (counts.sum(0) - jnp.take_along_axis(counts, last[None], axis=0)[0]) // 255
    before = jnp.cumsum(counts, axis=0) - counts
    table = jnp.minimum((step // 2 + before) // jnp.maximum(step, 1), 255)
    table = jnp.where(step > 0, table, jnp.arange(256)[:, None]).astype(image.dtype)
    channels = [table[:, place][levels[..., place]] for place in range(image.shape[-1])]
    return jnp.stack(channels, axis=-1)


def histogram(levels: Int[Array, "height width channels"]) -> Int[Array, "256 channels"]:
    """How often each of 256 levels occurs in each channel."""
    channels = levels.shape[-1]
    return jnp.zeros((256, channels), jnp.int32).at[levels, jnp.arange(channels)].add(1)


def autocontrast(image: Image) -> Image:
    """Each channel from its least to its highest level is stretched to 0 to 255."""
    low, high = image.min((0, 1)), image.max((0, 1))
    stretched = 255 * (image - low) / jnp.where(high > low, high - low, 1)
    return jnp.where(high > low, stretched, image)


def posterised(image: Image, bits: Scalar) -> Image:
    """Only the first so many of eight bits are kept."""
    step = 2 ** (8 - bits)
    return jnp.floor(jnp.round(image) / step) * step


def solarised(image: Image, threshold: Scalar) -> Image:
    """What is at least as bright as the threshold is inverted."""
    return jnp.where(image < threshold, image, 255 - image)


def _away_from(start: Array, image: Image, factor: Scalar) -> Image:
    return jnp.clip(start + factor * (image - start), 0, 255)


ADJUSTMENTS = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
REPLACEMENTS = {"equalise": equalised, "whiten": whitened, "grayscale": grayscale}
