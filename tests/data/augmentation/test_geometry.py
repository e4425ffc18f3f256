"""Affine maps and their one resampling, against scipy, Pillow and exact mirror images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from vitlab.augmentation_settings import Augmentation
from vitlab.data.augmentation import geometry, resampling
from vitlab.data.augmentation.boxes import BOX_DRAWS, Box, inside, random_box

resample = jax.jit(resampling.resample, static_argnums=(2, 3))
BLACK = (0.0, 0.0, 0.0)
MODES = {"edge": "nearest", "reflect": "reflect", "wrap": "grid-wrap", "constant": "grid-constant"}


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("padding", MODES)
@settings(max_examples=6, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 1000))
def test_every_map_reads_what_scipy_reads(padding, height: int, width: int, seed: int):
    generator = np.random.default_rng(seed)
    image, fill = noise(height, width, seed), (10.0, 200.0, 77.0)
    back = np.eye(3)
    back[:2, :2] += generator.normal(0, 1, (2, 2))
    back[:2, 2] = generator.normal(0, 5, 2)
    found = resample(jnp.asarray(image), jnp.asarray(back, jnp.float32), padding, fill)
    centre = np.array([height - 1, width - 1]) / 2
    offset = centre + back[:2, 2] - back[:2, :2] @ centre
    for channel in range(3):
        expected = ndimage.affine_transform(
            image[..., channel].astype(np.float64),
            back[:2, :2],
            offset,
            order=1,
            mode=MODES[padding],
            cval=fill[channel],
        )
        np.testing.assert_allclose(found[..., channel], expected, atol=0.05)


@pytest.mark.usefixtures("compiled_as_users_have_it")
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (8, 1), (9, 9), (40, 31)])
def test_mirror_images_and_the_identity_are_exact(height: int, width: int):
    image = noise(height, width)
    for rows, columns in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        found = resample(jnp.asarray(image), geometry.scale(rows, columns), "edge", BLACK)
        np.testing.assert_array_equal(found, image[::rows, ::columns])


@pytest.mark.usefixtures("compiled_as_users_have_it")
def test_a_quarter_turn_is_exact_and_a_shift_by_whole_pixels_too():
    image = noise(9, 9)
    turned = resample(jnp.asarray(image), geometry.turn(90.0), "edge", BLACK)
    np.testing.assert_allclose(turned, np.rot90(image, -1), atol=0.01)
    moved = resample(jnp.asarray(image), geometry.move(2.0, -3.0), "wrap", BLACK)
    np.testing.assert_array_equal(moved, np.roll(image, (-2, 3), (0, 1)))


def test_a_map_and_its_inverse_leave_a_smooth_image_as_it_was():
    rows, columns = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    image = jnp.asarray(np.stack([rows * 4, columns * 4, rows + columns], -1), jnp.float32)
    settings = Augmentation(rotation=20.0, zoom=0.1, shear=10.0, shift=0.05)
    draws = jax.random.uniform(jax.random.key(0), (geometry.DRAWS,))
    back = geometry.draw_map(draws, (32, 32), settings)
    there = resample(image, back, "edge", BLACK)
    again = resample(there, jnp.linalg.inv(back), "edge", BLACK)
    np.testing.assert_allclose(again[10:22, 10:22], image[10:22, 10:22], atol=0.01)


def test_several_operations_are_one_after_another():
    image = jnp.asarray(noise(12, 12))
    steps = [geometry.scale(1.0, -1.0), geometry.move(2.0, 1.0), geometry.turn(90.0)]
    expected = image
    for step in steps:
        expected = resample(expected, step, "wrap", BLACK)
    found = resample(image, geometry.compose(*steps), "wrap", BLACK)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_crop_is_pillows_resize_of_the_box():
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    box = Box(*(jnp.float32(value) for value in (0.25, 0.5, 0.5, 0.25)))
    found = resample(jnp.asarray(image, jnp.float32), geometry.crop(box, (24, 32)), "edge", BLACK)
    # Pillow never looks beyond the box, so the borders differ; and it rounds twice.
    expected = Image.fromarray(image).resize((32, 24), Image.Resampling.BILINEAR, box=(16, 6, 24, 18))
    np.testing.assert_allclose(found[2:-2, 4:-4], np.asarray(expected)[2:-2, 4:-4], atol=1.01)


def test_a_shear_leans_upright_lines_by_its_angle():
    image = jnp.zeros((41, 41, 1)).at[:, 20].set(255.0)
    back = geometry.shear(columns=float(np.tan(np.deg2rad(30.0))))
    found = np.asarray(resample(image, back, "edge", (0.0,) * 3))[..., 0]
    columns = (found * np.arange(41)).sum(1) / found.sum(1)
    slopes = np.diff(columns[8:33])
    np.testing.assert_allclose(slopes, -np.tan(np.deg2rad(30.0)), atol=1e-3)


def test_boxes_lie_inside_and_have_the_areas_and_shapes_that_were_asked_for():
    boxes = jax.vmap(lambda draws: random_box(draws, 0.08, 1.0, 4 / 3))(
        jax.random.uniform(jax.random.key(0), (4000, BOX_DRAWS))
    )
    top, left, height, width = (np.asarray(side) for side in boxes)
    assert min(top.min(), left.min()) >= 0
    assert (top + height).max() <= 1 + 1e-6
    assert (left + width).max() <= 1 + 1e-6
    area, aspect = height * width, width / height
    assert area.min() >= 0.08 - 1e-6
    assert area.min() < 0.1
    assert area.max() > 0.98
    assert aspect.min() == pytest.approx(3 / 4, rel=0.01)
    assert aspect.max() == pytest.approx(4 / 3, rel=0.01)
    assert np.median(np.log(aspect)) == pytest.approx(0, abs=0.02)


def test_a_box_covers_its_share_of_the_pixels():
    box = Box(*(jnp.float32(value) for value in (0.2, 0.1, 0.5, 0.3)))
    mask = np.zeros((10, 20), bool)
    mask[2:7, 2:8] = True
    np.testing.assert_array_equal(inside(box, 10, 20), mask)
