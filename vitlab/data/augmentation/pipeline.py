"""What happens to one image, from first to last; for every image of a batch.

Where it lies (one affine map, one resampling), then its colours, then what is erased.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key, Num

from vitlab.augmentation_settings import Augmentation
from vitlab.data.augmentation import colour, geometry, policies
from vitlab.data.augmentation.boxes import HOLE_DRAWS, Box, draw_hole, erased
from vitlab.data.augmentation.resampling import resample

Images = Num[Array, "batch height width channels"]
Changed = Float[Array, "batch height width channels"]
Image = Float[Array, "height width channels"]


class Draws(NamedTuple):
    """All that chance decides for one image."""

    back: geometry.Map
    chosen: policies.Chosen
    tones: colour.Tones
    hole: Box


def augment(images: Images, key: Key[Array, ""], settings: Augmentation) -> Changed:
    """Images in [0, 255], each changed by draws of its own, in float32 in [0, 255].

    What mixes images (`mixup`, `cutmix`) is not done here: see `mix`.
    """
    return _augment(images, jax.random.uniform(key, (len(images), _draws_of(settings))), settings)


def augment_each(images: Images, keys: Key[Array, "batch"], settings: Augmentation) -> Changed:
    """`augment`, where the draws of an image depend on a key that is its own."""
    draw = partial(jax.random.uniform, shape=(_draws_of(settings),))
    return _augment(images, jax.vmap(draw)(keys), settings)


def _draws_of(settings: Augmentation) -> int:
    """How many numbers an image draws, at once and whether needed or not: on CPU each call of
    `jax.random` is a loop of its own, which XLA takes a while to compile."""
    return geometry.DRAWS + colour.DRAWS + HOLE_DRAWS + policies.draws_of(settings)


def _augment(images: Images, numbers: Float[Array, "batch count"], settings: Augmentation) -> Changed:
    size = (images.shape[1], images.shape[2])
    draws = jax.vmap(lambda own: _decide(own, size, settings))(numbers)

    def change(image_and_draws: tuple[Array, Draws]) -> Image:
        image, drawn = image_and_draws
        return _change(image.astype(jnp.float32), drawn, settings)

    # On a CPU one image after the other stays in the cores' caches (three times as fast), and an
    # operation that was not drawn is not computed.
    if jax.default_backend() == "cpu":
        return lax.map(change, (images, draws))
    return jax.vmap(change)((images, draws))


def _decide(numbers: Float[Array, "count"], size: tuple[int, int], settings: Augmentation) -> Draws:
    ends = np.cumsum([geometry.DRAWS, colour.DRAWS, HOLE_DRAWS])
    place, tones, hole, choice = jnp.split(numbers, ends)
    chosen = policies.draw(choice, size, settings)
    own = geometry.draw_map(place, size, settings)
    back = geometry.compose(own, policies.affine_map(chosen, size))
    return Draws(back, chosen, colour.draw(tones, settings), draw_hole(hole, settings.erase))


def _change(image: Image, draws: Draws, settings: Augmentation) -> Image:
    if settings.moves_pixels:
        image = resample(image, draws.back, settings.padding, settings.fill)
    image = policies.recolour(image, draws.chosen)
    image = colour.change(image, draws.tones)
    if settings.erase:
        image = erased(image, draws.hole, settings.fill)
    return image
