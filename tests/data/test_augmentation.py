"""One affine map and one resampling, a pure function of image and key."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from vitlab.config import Augmentation
from vitlab.data import augment
from vitlab.data.augmentation import _resample

STUDY = Augmentation(flip=True, rotation=45.0, shift=0.2, zoom=0.25, brightness=0.5)


def some_images(count: int = 4, height: int = 9, width: int = 12) -> jax.Array:
    """Smooth pictures: interpolation errors stay small."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    images = [np.stack([rows * 20 + i, columns * 15, 200 - rows * columns], -1) for i in range(count)]
    return jnp.asarray(np.stack(images), jnp.float32)


@pytest.mark.parametrize("seed", range(4))
def test_the_resampling_equals_scipys(seed: int):
    generator = np.random.default_rng(seed)
    image = generator.uniform(0, 255, (9, 12, 3)).astype(np.float32)
    back, shift = generator.normal(0, 1, (2, 2)), generator.normal(0, 3, 2)
    centre = np.array([8, 11]) / 2
    found = _resample(
        jnp.asarray(image), jnp.asarray(back, jnp.float32), jnp.asarray(shift, jnp.float32)
    )
    offset = centre - shift - back @ centre
    for channel in range(3):
        expected = ndimage.affine_transform(image[..., channel], back, offset, order=1, mode="nearest")
        np.testing.assert_allclose(found[..., channel], expected, atol=0.05)


def test_nothing_asked_for_changes_nothing():
    images = some_images()
    np.testing.assert_array_equal(augment(images, jax.random.key(0), Augmentation()), images)


def test_a_flip_is_the_mirror_image_half_of_the_time():
    images = some_images(count=64)
    found = np.asarray(augment(images, jax.random.key(0), Augmentation(flip=True)))
    same, mirrored = (
        np.isclose(found, old, atol=1e-3).all((1, 2, 3)) for old in (images, images[:, :, ::-1])
    )
    assert (mirrored ^ same).all()
    assert 16 < mirrored.sum() < 48


def test_a_shift_moves_by_at_most_its_share():
    image = jnp.zeros((64, 20, 20, 1)).at[:, 10, 10].set(255.0)
    found = np.asarray(augment(image, jax.random.key(0), Augmentation(shift=0.2)))[..., 0]
    rows, columns = (
        (found * np.arange(20).reshape(shape)).sum((1, 2)) / found.sum((1, 2))
        for shape in ((1, 20, 1), (1, 1, 20))
    )
    for moved in (rows - 10, columns - 10):
        assert np.abs(moved).max() <= 4.001
        assert np.abs(moved).max() > 3
        assert abs(moved.mean()) < 1


def test_brightness_multiplies_each_image_and_stays_in_range():
    images = jnp.full((32, 4, 4, 3), 200.0)
    found = np.asarray(augment(images, jax.random.key(0), Augmentation(brightness=0.5)))
    factors = found[:, 0, 0, 0] / 200
    np.testing.assert_allclose(found, np.broadcast_to(found[:, :1, :1, :1], found.shape))
    assert factors.min() >= 0.5
    assert found.max() <= 255
    assert factors.std() > 0.1


def test_the_same_key_is_the_same_change_and_images_change_differently():
    images = jnp.tile(some_images(count=1), (4, 1, 1, 1))
    one, other = (augment(images, jax.random.key(3), STUDY) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert (np.asarray(one[0]) != np.asarray(one[1])).any()
    assert (np.asarray(one) != np.asarray(augment(images, jax.random.key(4), STUDY))).any()


def test_eight_bits_come_out_as_floats_in_range():
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)), jnp.uint8)
    found = augment(images, jax.random.key(0), STUDY)
    assert found.dtype == jnp.float32
    assert float(found.min()) >= 0
    assert float(found.max()) <= 255
