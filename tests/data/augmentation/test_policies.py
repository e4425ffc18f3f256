"""RandAugment and TrivialAugment: their tables, their draws, their operations against Pillow's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.data.augmentation.test_colour import photo
from vitlab.augmentation_settings import Augmentation
from vitlab.data.augmentation import policies
from vitlab.data.augmentation.resampling import resample

BINS = np.arange(31)
# torchvision's ranges (`RandAugment._augmentation_space(31, (200, 100))`, and TrivialAugmentWide's).
RANDAUGMENT = {
    "shear_x": np.linspace(0, 0.3, 31),
    "shear_y": np.linspace(0, 0.3, 31),
    "translate_x": np.linspace(0, 150 / 331 * 100, 31),
    "translate_y": np.linspace(0, 150 / 331 * 200, 31),
    "rotate": np.linspace(0, 30, 31),
    **dict.fromkeys(("brightness", "saturation", "contrast", "sharpness"), np.linspace(0, 0.9, 31)),
    "posterise": 8 - np.round(BINS / (30 / 4)),
    "solarise": np.linspace(255, 0, 31),
}
TRIVIALAUGMENT = {
    **dict.fromkeys(("shear_x", "shear_y"), np.linspace(0, 0.99, 31)),
    **dict.fromkeys(("translate_x", "translate_y"), np.linspace(0, 32, 31)),
    "rotate": np.linspace(0, 135, 31),
    **dict.fromkeys(("brightness", "saturation", "contrast", "sharpness"), np.linspace(0, 0.99, 31)),
    "posterise": 8 - np.round(BINS / (30 / 6)),
    "solarise": np.linspace(255, 0, 31),
}
SIGNED = set(RANDAUGMENT) - {"posterise", "solarise"}


def drawn(settings: Augmentation, count: int = 6000) -> dict[str, np.ndarray]:
    """The strengths that were drawn, by operation."""
    draws = jax.random.uniform(jax.random.key(0), (count, policies.draws_of(settings)))
    chosen = jax.vmap(lambda numbers: policies.draw(numbers, (200, 100), settings))(draws)
    operations, strengths = (np.asarray(part).ravel() for part in chosen)
    return {name: strengths[operations == place] for place, name in enumerate(policies.OPERATIONS)}


@pytest.mark.parametrize("magnitude", [0, 9, 30])
def test_randaugment_draws_operations_evenly_at_its_magnitude(magnitude: int):
    settings = Augmentation(policy="randaugment", policy_magnitude=magnitude)
    for name, strengths in drawn(settings).items():
        assert abs(len(strengths) - 12000 / 14) < 5 * (12000 / 14) ** 0.5
        expected = RANDAUGMENT.get(name, np.zeros(31))[magnitude]
        found = np.round(strengths) if name == "posterise" else np.abs(strengths)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        if name in SIGNED and magnitude:
            assert 0.4 < (strengths > 0).mean() < 0.6


def test_trivialaugment_draws_one_operation_at_any_magnitude():
    found = drawn(Augmentation(policy="trivialaugment"))
    assert sum(len(strengths) for strengths in found.values()) == 6000
    for name, expected in TRIVIALAUGMENT.items():
        strengths = np.round(found[name]) if name == "posterise" else np.abs(found[name])
        np.testing.assert_allclose(
            np.unique(strengths.round(4)), np.unique(expected.round(4)), atol=2e-4
        )
        assert (found[name] < 0).any() == (name in SIGNED)


def chosen(name: str, strength: float) -> policies.Chosen:
    return policies.Chosen(
        jnp.array([policies.OPERATIONS.index(name)]), jnp.array([strength], jnp.float32)
    )


@pytest.mark.parametrize(
    ("name", "strength", "data"),
    [
        ("shear_x", 0.3, (1, 0.3, 0, 0, 1, 0)),
        ("shear_x", -0.2, (1, -0.2, 0, 0, 1, 0)),
        ("shear_y", 0.3, (1, 0, 0, 0.3, 1, 0)),
        ("translate_x", 7.9, (1, 0, 7, 0, 1, 0)),
        ("translate_y", -3.2, (1, 0, 0, 0, 1, -3)),
    ],
)
def test_geometric_operations_are_pillows_affine_transforms(name: str, strength: float, data):
    image = photo(28, 36)
    back = policies.affine_map(chosen(name, strength), (28, 36))
    found = np.asarray(resample(jnp.asarray(image, jnp.float32), back, "constant", (0.0,) * 3))
    whole = Image.fromarray(image)
    expected = np.asarray(
        whole.transform(whole.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    ).astype(np.float32)
    rows, columns = np.meshgrid(np.arange(28) + 0.5, np.arange(36) + 0.5, indexing="ij")
    read_columns, read_rows = (a * columns + b * rows + c for a, b, c in (data[:3], data[3:]))
    # Between the last pixel and the border, Pillow repeats the pixel, and we blend it with black.
    within = (abs(read_rows - 14) <= 13.5) & (abs(read_columns - 18) <= 17.5)
    assert within.mean() > 0.7
    assert np.abs(found - expected)[within].max() < 1.001  # Pillow cuts the fraction off


def test_a_rotation_is_pillows():
    image = photo(40, 40)
    back = policies.affine_map(chosen("rotate", 30.0), (40, 40))
    found = np.asarray(resample(jnp.asarray(image, jnp.float32), back, "constant", (0.0,) * 3))
    expected = {
        sign: np.asarray(Image.fromarray(image).rotate(sign * 30, Image.Resampling.BILINEAR))
        for sign in (-1, 1)
    }
    difference = {sign: np.abs(found - image)[8:32, 8:32].max() for sign, image in expected.items()}
    assert min(difference.values()) <= 1
    assert max(difference.values()) > 10


def test_each_place_of_the_table_is_its_operation():
    image = photo()
    expected = {
        "identity": image,
        "rotate": image,  # done by the map
        "posterise": np.asarray(ImageOps.posterize(Image.fromarray(image), 4)),
        "solarise": np.asarray(ImageOps.solarize(Image.fromarray(image), 100)),
        "equalise": np.asarray(ImageOps.equalize(Image.fromarray(image))),
        "autocontrast": np.asarray(ImageOps.autocontrast(Image.fromarray(image))),
        "brightness": image * 0.5,
    }
    strengths = {"posterise": 4.0, "solarise": 100.0, "brightness": -0.5}
    for name, picture in expected.items():
        found = policies.recolour(
            jnp.asarray(image, jnp.float32), chosen(name, strengths.get(name, 0.0))
        )
        assert np.abs(np.asarray(found) - picture).max() <= 1, name


def test_operations_follow_each_other():
    image = jnp.asarray(photo(), jnp.float32)
    both = policies.Chosen(
        jnp.array([policies.OPERATIONS.index(name) for name in ("brightness", "solarise")]),
        jnp.array([-0.5, 60.0]),
    )
    half = np.asarray(image) * 0.5
    np.testing.assert_allclose(
        policies.recolour(image, both), np.where(half < 60, half, 255 - half), atol=1e-3
    )
    maps = policies.Chosen(
        jnp.array([policies.OPERATIONS.index(name) for name in ("translate_x", "rotate")]),
        jnp.array([4.0, 90.0]),
    )
    one, other = (
        policies.affine_map(chosen(name, strength), (20, 20))
        for name, strength in (("translate_x", 4.0), ("rotate", 90.0))
    )
    np.testing.assert_allclose(policies.affine_map(maps, (20, 20)), one @ other, atol=1e-4)
