"""Winograd's algorithm equals XLA's convolution, in values and in both gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.models.reference import random_array
from vitlab.models.layers import chunks, convolve, winograd
from vitlab.models.layers.convolution import convolve_reference, padding_amounts

EXTRA = st.integers(0, 2)  # zeros on one side; the kernel is 3x3


def assert_close(found, expected, tolerance: float) -> None:
    np.testing.assert_allclose(found, expected, atol=tolerance * float(jnp.abs(expected).max()))


@settings(max_examples=8, deadline=None)
@example(height=9, width=14, before=1, after=1, left=1, right=1, tile=4, seed=0)
@given(
    height=st.integers(3, 13),
    width=st.integers(3, 13),
    before=EXTRA,
    after=EXTRA,
    left=EXTRA,
    right=EXTRA,
    tile=st.sampled_from([2, 4]),
    seed=st.integers(0, 2**16),
)
def test_values_and_gradients_equal_the_reference(
    height: int,
    width: int,
    before: int,
    after: int,
    left: int,
    right: int,
    tile: winograd.Tile,
    seed: int,
):
    amounts = ((before, after), (left, right))
    images, kernel = random_array((2, height, width, 7), seed), random_array((3, 3, 7, 5), seed + 1)
    with jax.default_matmul_precision("float32"):
        expected, pull_back = jax.vjp(
            lambda images, kernel: convolve_reference(images, kernel, 1, amounts), images, kernel
        )
        slopes = random_array(expected.shape, seed + 2)
        by_image, by_kernel = pull_back(slopes)
        weights = winograd.transform_kernel(kernel, tile)
        assert_close(winograd.convolve_by_tiles(images, weights, amounts, tile), expected, 2e-5)
        found = winograd.gradients(images, slopes, weights, amounts, tile)
        for one, other in zip(found, (by_image, by_kernel), strict=True):
            assert_close(one, other, 2e-5)


@pytest.mark.parametrize(("size", "tile"), [(15, 4), (14, 2), (4, 2)])
@pytest.mark.parametrize("padding", ["symmetric", "tensorflow"])
def test_a_3x3_kernel_of_many_channels_goes_by_tiles(size: int, tile: int, padding, monkeypatch):
    """Whole and in chunks of one image, with gradients."""
    tiles = []
    original = winograd.convolve_by_tiles

    def recorded(*given):
        tiles.append(given[-1])
        return original(*given)

    monkeypatch.setattr(winograd, "convolve_by_tiles", recorded)
    images, kernel = random_array((4, size, size, 32), 0), random_array((3, 3, 32, 48), 1) / 17
    amounts = padding_amounts((size, size), (3, 3), 1, padding)
    with jax.default_matmul_precision("float32"):
        expected, pull_back = jax.vjp(
            lambda images, kernel: convolve_reference(images, kernel, 1, amounts), images, kernel
        )
        slopes = random_array(expected.shape, 2)
        for numbers in (chunks.NUMBERS, size * size * 48):
            monkeypatch.setattr(chunks, "NUMBERS", numbers)
            jax.clear_caches()  # of what was traced with other numbers, or before `recorded`
            found, found_back = jax.vjp(
                lambda images, kernel: convolve(images, kernel, padding=padding), images, kernel
            )
            assert_close(found, expected, 2e-5)
            for one, other in zip(found_back(slopes), pull_back(slopes), strict=True):
                assert_close(one, other, 2e-5)
    assert set(tiles) == {tile}


def test_images_one_by_one_under_vmap_give_what_they_give_together():
    images, kernel = random_array((3, 15, 15, 32), 0), random_array((3, 3, 32, 32), 1) / 17

    def outputs(images):
        return convolve(images, kernel, padding="symmetric")

    def score(images):
        return jnp.sum(outputs(images) ** 2)

    alone = images[:, None]
    np.testing.assert_allclose(jax.vmap(outputs)(alone)[:, 0], outputs(images), atol=2e-5)
    expected = jax.grad(score)(images)
    assert_close(jax.vmap(jax.grad(score))(alone)[:, 0], expected, 2e-5)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="of XLA's CPU backend")
@pytest.mark.parametrize("tile", [2, 4])
def test_xla_compiles_a_handful_of_loops_and_fuses_none_of_them_into_the_next(tile: winograd.Tile):
    images, kernel = random_array((2, 16, 16, 32), 0), random_array((3, 3, 32, 32), 1)
    amounts = ((1, 1), (1, 1))

    def outputs(images, kernel):
        weights = winograd.transform_kernel(kernel, tile)
        return winograd.convolve_by_tiles(images, weights, amounts, tile)

    def both(images, kernel, slopes):
        weights = winograd.transform_kernel(kernel, tile)
        return winograd.gradients(images, slopes, weights, amounts, tile)

    # The images are filled; they, the products and the slopes are combined by rows and by columns: five
    # loops of one, seven of the other, where an array for each position would be fifty and more.
    for function, arguments, most, apart in (
        (outputs, (images, kernel), 8, 3),
        (both, (images, kernel, images), 12, 5),
    ):
        program = jax.jit(function).lower(*arguments).compile().as_text()
        assert program
        assert program.count("kind=kLoop") <= most
        assert program.count(" call(") == apart


@pytest.mark.parametrize(
    ("shape", "kernel", "dtype"),
    [
        ((1, 20, 20, 8), (3, 3, 8, 64), jnp.float32),  # few channels
        ((1, 3, 20, 32), (3, 3, 32, 32), jnp.float32),  # hardly a tile
        ((1, 20, 20, 32), (5, 5, 32, 32), jnp.float32),
        ((1, 20, 20, 32), (3, 3, 32, 32), jnp.bfloat16),  # would lose what cancels
    ],
)
def test_other_kernels_do_not_go_by_tiles(shape, kernel, dtype, monkeypatch):
    monkeypatch.setattr(winograd, "convolve_by_tiles", None)
    jax.clear_caches()  # of what was traced before
    images = jnp.ones(shape, dtype)
    outputs = jax.eval_shape(
        lambda images: convolve(images, jnp.ones(kernel, dtype), padding="symmetric"), images
    )
    assert outputs.shape == (*shape[:3], kernel[-1])
    assert outputs.dtype == dtype
