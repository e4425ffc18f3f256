"""What training sees: a pure function of image and key, within the ranges of the settings."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitlab.augmentation_settings import Augmentation
from vitlab.data import augment
from vitlab.data.augmentation import colour, geometry

STUDY = Augmentation(flip=True, rotation=45.0, shift=0.2, zoom=0.25, brightness=0.5)


def some_images(count: int = 4, height: int = 9, width: int = 12) -> jax.Array:
    """Smooth pictures: interpolation errors stay small."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    images = [np.stack([rows * 20 + i, columns * 15, 200 - rows * columns], -1) for i in range(count)]
    return jnp.asarray(np.stack(images), jnp.float32)


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


EVERYTHING = Augmentation(
    flip=True,
    vertical_flip=True,
    rotation=20.0,
    shift=0.1,
    zoom=0.1,
    shear=10.0,
    crop=0.5,
    padding="constant",
    fill=(255.0, 0.0, 0.0),
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
    equalise=0.5,
    whiten=0.5,
    grayscale=0.5,
    erase=0.5,
    policy="randaugment",
)


@pytest.mark.parametrize("settings", [STUDY, EVERYTHING], ids=["study", "everything"])
def test_an_image_does_not_see_the_others_of_its_batch(settings: Augmentation):
    images = some_images()
    alone = images.at[1:].set(0.0)
    found, expected = (augment(batch, jax.random.key(1), settings) for batch in (images, alone))
    np.testing.assert_array_equal(found[0], expected[0])


def test_in_turn_and_all_at_once_are_the_same(monkeypatch):
    """The two ways in which a batch is computed, on a CPU and elsewhere."""
    images = some_images()
    in_turn = augment(images, jax.random.key(1), EVERYTHING)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    at_once = augment(images, jax.random.key(1), EVERYTHING)
    np.testing.assert_allclose(in_turn, at_once, atol=1e-3)


@settings(max_examples=5, deadline=None)
@given(
    st.integers(3, 9),
    st.integers(3, 9),
    st.sampled_from(["edge", "reflect", "wrap", "constant"]),
    st.sampled_from(["", "randaugment", "trivialaugment"]),
)
def test_any_size_keeps_its_shape_and_its_range(height: int, width: int, padding, policy):
    chosen = dataclasses.replace(EVERYTHING, padding=padding, policy=policy)
    images = np.random.default_rng(0).integers(0, 256, (2, height, width, 3)).astype(np.uint8)
    changed = jax.jit(partial(augment, settings=chosen))
    found = np.asarray(changed(jnp.asarray(images), jax.random.key(height)))
    assert found.shape == images.shape
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 255.001


def test_a_chance_is_how_many_images_change():
    images = jnp.asarray(np.random.default_rng(0).uniform(0, 255, (400, 6, 6, 3)), jnp.float32)
    for name in ("equalise", "whiten", "grayscale", "erase"):
        chance: dict[str, Any] = {name: 0.3}
        found = augment(images, jax.random.key(0), Augmentation(**chance))
        changed = np.any(np.asarray(found) != np.asarray(images), axis=(1, 2, 3)).mean()
        assert abs(changed - 0.3) < 4 * (0.3 * 0.7 / 400) ** 0.5, name


def test_the_ranges_of_the_studies_are_reached_and_not_exceeded():
    """Rows S0-09 and S2-27: degrees, shares of the side, factors."""

    def draws(count: int):
        return jax.random.uniform(jax.random.key(0), (2000, count))

    def spread(read, **settings):
        draw = jax.vmap(lambda some: geometry.draw_map(some, (200, 100), Augmentation(**settings)))
        values = np.asarray(read(draw(draws(geometry.DRAWS))))
        return values.min(), values.max()

    def degrees(maps):
        return np.rad2deg(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))

    assert spread(degrees, rotation=45.0) == pytest.approx((-45, 45), rel=0.01)
    assert spread(degrees, rotation=36.0) == pytest.approx((-36, 36), rel=0.01)
    assert spread(lambda maps: maps[:, 0, 2], shift=0.2) == pytest.approx((-40, 40), rel=0.01)
    assert spread(lambda maps: maps[:, 1, 2], shift=0.2) == pytest.approx((-20, 20), rel=0.01)
    assert spread(lambda maps: 1 / maps[:, 0, 0], zoom=0.25) == pytest.approx((0.75, 1.25), rel=0.01)
    assert spread(lambda maps: 1 / maps[:, 1, 1], zoom=0.1) == pytest.approx((0.9, 1.1), rel=0.01)
    tones = jax.vmap(lambda some: colour.draw(some, STUDY))(draws(colour.DRAWS))
    factors = np.asarray(tones.factors["brightness"])
    assert (factors.min(), factors.max()) == pytest.approx((0.5, 1.5), rel=0.01)
