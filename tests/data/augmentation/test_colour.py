"""Colours, against Pillow's ImageEnhance and ImageOps and against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from vitlab.augmentation_settings import Augmentation
from vitlab.data import augment
from vitlab.data.augmentation import colour


def photo(height: int = 23, width: int = 31, seed: int = 0) -> np.ndarray:
    """Levels that are not equally frequent, and a colour cast."""
    generator = np.random.default_rng(seed)
    rows = np.linspace(20, 150, height)[:, None, None] * np.array([1.0, 0.8, 0.5])
    return np.clip(rows + generator.normal(0, 25, (height, width, 3)), 5, 240).astype(np.uint8)


ENHANCERS = [
    (colour.brightness, ImageEnhance.Brightness),
    (colour.contrast, ImageEnhance.Contrast),
    (colour.saturation, ImageEnhance.Color),
    (colour.sharpness, ImageEnhance.Sharpness),
]


@pytest.mark.parametrize("factor", [0.0, 0.1, 0.7, 1.0, 1.4, 1.9])
@pytest.mark.parametrize(("ours", "pillows"), ENHANCERS)
def test_adjustments_are_pillows_within_its_rounding(ours, pillows, factor: float):
    image = photo()
    found = np.asarray(ours(jnp.asarray(image, jnp.float32), jnp.float32(factor)))
    expected = np.asarray(pillows(Image.fromarray(image)).enhance(factor)).astype(np.float32)
    # Pillow rounds the grey (or the smoothed image), then cuts off the fraction of the result.
    assert np.abs(found - expected).max() <= 1.01 + 0.5 * abs(1 - factor)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 100))
def test_equalising_is_pillows_to_the_last_bit(height: int, width: int, seed: int):
    image = photo(height, width, seed)
    found = jax.jit(colour.equalised)(jnp.asarray(image, jnp.float32))
    np.testing.assert_array_equal(found, np.asarray(ImageOps.equalize(Image.fromarray(image))))


def test_a_histogram_counts_every_pixel():
    image = photo()
    found = np.asarray(colour.histogram(jnp.asarray(image, jnp.int32)))
    for channel in range(3):
        np.testing.assert_array_equal(
            found[:, channel], np.bincount(image[..., channel].ravel(), minlength=256)
        )


@pytest.mark.parametrize("bits", [2, 4, 7, 8])
def test_posterising_is_pillows(bits: int):
    image = photo()
    found = colour.posterised(jnp.asarray(image, jnp.float32), jnp.float32(bits))
    np.testing.assert_array_equal(found, np.asarray(ImageOps.posterize(Image.fromarray(image), bits)))


@pytest.mark.parametrize("threshold", [0, 100, 255])
def test_solarising_is_pillows(threshold: int):
    image = photo()
    found = colour.solarised(jnp.asarray(image, jnp.float32), jnp.float32(threshold))
    np.testing.assert_array_equal(
        found, np.asarray(ImageOps.solarize(Image.fromarray(image), threshold))
    )


def test_autocontrast_is_pillows_and_leaves_one_colour_alone():
    image = photo()
    found = colour.autocontrast(jnp.asarray(image, jnp.float32))
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(image)))
    assert np.abs(np.asarray(found) - expected).max() <= 1
    plain = jnp.full((3, 3, 3), 7.0)
    np.testing.assert_array_equal(colour.autocontrast(plain), plain)


def test_grey_is_pillows():
    image = photo()
    found = np.asarray(colour.grayscale(jnp.asarray(image, jnp.float32)))
    expected = np.asarray(Image.fromarray(image).convert("L"))
    assert np.abs(found - expected[..., None]).max() <= 0.51


def test_a_whitened_image_has_the_mean_and_deviation_of_every_other():
    image = jnp.asarray(np.random.default_rng(0).uniform(20, 60, (64, 64, 3)), jnp.float32)
    found = np.asarray(colour.whitened(image))  # of a uniform distribution nothing is cut off
    assert found.mean() == pytest.approx(127.5, abs=0.01)
    assert found.std() == pytest.approx(63.75, abs=0.01)
    np.testing.assert_allclose(colour.whitened(3 * image + 10), found, atol=0.01)
    np.testing.assert_array_equal(colour.whitened(jnp.full((4, 4, 3), 9.0)), 127.5)


def test_erasing_paints_one_rectangle_of_up_to_a_third():
    images = jnp.full((200, 40, 40, 3), 200.0)
    found = augment(images, jax.random.key(0), Augmentation(erase=1.0, fill=(1.0, 2.0, 3.0)))
    for image in np.asarray(found):
        hidden = (image == [1, 2, 3]).all(-1)
        assert (image[~hidden] == 200).all()
        rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
        assert hidden[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert 0.01 < hidden.mean() < 0.36
