"""RandAugment (Cubuk et al. 2020) and TrivialAugment (Mueller and Hutter 2021, wide space).

Both draw from 14 operations, here with torchvision's magnitudes. The geometric ones join the one
affine map of the other settings, so they come before those of colour; beyond the border is what the
settings say, where torchvision has black.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from vitlab.augmentation_settings import Augmentation
from vitlab.data.augmentation import colour, geometry

Image = Float[Array, "height width channels"]

LEVELS = 30


class Range(NamedTuple):
    """The strength at level 0 and at level 30, and whether it goes to either side."""

    first: float
    last: float
    signed: bool = True


class Chosen(NamedTuple):
    """The operations of one image, as places in `OPERATIONS`, and their strengths."""

    operations: Int[Array, "count"]
    strengths: Float[Array, "count"]


NOTHING = Range(0, 0, signed=False)

# RandAugment translates by shares of the image's side, TrivialAugment by pixels.
RANDAUGMENT = {
    "identity": NOTHING,
    "shear_x": Range(0, 0.3),
    "shear_y": Range(0, 0.3),
    "translate_x": Range(0, 150 / 331),
    "translate_y": Range(0, 150 / 331),
    "rotate": Range(0, 30),
    "brightness": Range(0, 0.9),
    "saturation": Range(0, 0.9),
    "contrast": Range(0, 0.9),
    "sharpness": Range(0, 0.9),
    "posterise": Range(8, 4, signed=False),
    "solarise": Range(255, 0, signed=False),
    "autocontrast": NOTHING,
    "equalise": NOTHING,
}
TRIVIALAUGMENT = RANDAUGMENT | {
    "shear_x": Range(0, 0.99),
    "shear_y": Range(0, 0.99),
    "translate_x": Range(0, 32),
    "translate_y": Range(0, 32),
    "rotate": Range(0, 135),
    **dict.fromkeys(("brightness", "saturation", "contrast", "sharpness"), Range(0, 0.99)),
    "posterise": Range(8, 2, signed=False),
}
OPERATIONS = tuple(RANDAUGMENT)


def draws_of(settings: Augmentation) -> int:
    """How many numbers an image draws: of each operation which, how strong, to which side."""
    count = {"": 0, "trivialaugment": 1, "randaugment": settings.policy_operations}
    return 3 * count[settings.policy]


def draw(draws: Float[Array, "numbers"], size: tuple[int, int], settings: Augmentation) -> Chosen:
    """What the policy does with an image of (height, width); nothing without a policy. `draws_of` says
    how many numbers from [0, 1) it takes."""
    if not settings.policy:
        return Chosen(jnp.zeros(0, jnp.int32), jnp.zeros(0))
    is_rand = settings.policy == "randaugment"
    table = RANDAUGMENT if is_rand else TRIVIALAUGMENT
    places, levels, signs = draws.reshape(3, -1)
    count = len(places)
    level = jnp.full(count, settings.policy_magnitude) if is_rand else _one_of(LEVELS + 1, levels)
    first, last, signed = jnp.array(list(table.values()), jnp.float32).T
    operations = _one_of(len(table), places)
    strengths = first + (last - first) * (level[:, None] / LEVELS)
    strengths *= jnp.where((signed > 0) & (signs[:, None] < 0.5), -1, 1)
    if table is RANDAUGMENT:
        sides = {"translate_x": size[1], "translate_y": size[0]}
        strengths *= jnp.array([sides.get(name, 1) for name in OPERATIONS])
    return Chosen(operations, strengths[jnp.arange(count), operations])


def _one_of(count: int, draws: Float[Array, "..."]) -> Int[Array, "..."]:
    """Each of 0 to `count` - 1 alike, from [0, 1)."""
    return jnp.floor(draws * count).astype(jnp.int32)


def affine_map(chosen: Chosen, size: tuple[int, int]) -> geometry.Map:
    """All geometric operations of the image, the first leftmost (see `geometry`)."""
    maps = [
        _map_of(operation, strength, size)
        for operation, strength in zip(chosen.operations, chosen.strengths, strict=True)
    ]
    return geometry.compose(*maps)


def _map_of(operation: Array, strength: Array, size: tuple[int, int]) -> geometry.Map:
    """Shears hold the upper left corner, as the published ones do; translations are whole pixels."""
    x, y, right, down, degrees = (
        jnp.where(operation == OPERATIONS.index(name), strength, 0.0)
        for name in ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
    )
    corner = geometry.move(jnp.trunc(down) + y * size[1] / 2, jnp.trunc(right) + x * size[0] / 2)
    return geometry.compose(corner, geometry.shear(rows=y, columns=x), geometry.turn(degrees))


def recolour(image: Image, chosen: Chosen) -> Image:
    """The operations on colours of the image, one after another."""
    for operation, strength in zip(chosen.operations, chosen.strengths, strict=True):
        place = jnp.maximum(operation - FIRST_COLOUR + 1, 0)
        image = lax.switch(place, COLOUR, image, strength)
    return image


# What keeps the colours, then the operations from `brightness` on, in the order of the table.
COLOUR = (
    lambda image, strength: image,
    lambda image, strength: colour.brightness(image, 1 + strength),
    lambda image, strength: colour.saturation(image, 1 + strength),
    lambda image, strength: colour.contrast(image, 1 + strength),
    lambda image, strength: colour.sharpness(image, 1 + strength),
    lambda image, strength: colour.posterised(image, jnp.round(strength)),
    colour.solarised,
    lambda image, strength: colour.autocontrast(image),
    lambda image, strength: colour.equalised(image),
)
FIRST_COLOUR = OPERATIONS.index("brightness")
