"""Position embeddings for another number of patches, resampled as each publisher does it."""

import numpy as np
import pytest
from PIL import Image

from vitlab.weights.layouts.vit import LAYOUTS as VIT
from vitlab.weights.layouts.vit import POSITIONS


@pytest.mark.parametrize(("old", "new"), [(14, 24), (14, 7), (7, 10), (16, 5)])
def test_positions_in_timms_layout_are_resampled_as_pillow_resamples_bicubically(old: int, new: int):
    """Pillow's bicubic filter, antialiased, is PyTorch's with antialias=True, which timm uses."""
    width = 3
    positions = np.random.default_rng(0).normal(size=(1, 1 + old * old, width)).astype(np.float32)
    resize = VIT[0].resize[POSITIONS]
    found = resize(positions, (1, 1 + new * new, width))
    np.testing.assert_array_equal(found[:, 0], positions[:, 0])
    for channel in range(width):
        grid = Image.fromarray(positions[0, 1:, channel].reshape(old, old))
        expected = np.asarray(grid.resize((new, new), Image.Resampling.BICUBIC))
        np.testing.assert_allclose(found[0, 1:, channel].reshape(new, new), expected, atol=1e-5)


# What PyTorch 2.13's `interpolate(mode="bicubic", antialias=False)` makes of 1 in one row of four and 0
# in the others, row by row: with `align_corners=True` (torchvision), and without (Hugging Face).
BICUBIC = {
    ("torchvision", 6): [
        [1.0, 0.0, 0.0, 0.0],
        [0.388, 0.72, -0.108, 0.0],
        [-0.096, 0.92, 0.2, -0.024],
        [-0.024, 0.2, 0.92, -0.096],
        [0.0, -0.108, 0.72, 0.388],
        [0.0, 0.0, 0.0, 1.0],
    ],
    ("huggingface", 6): [
        [1.086806, -0.086806, 0.0, 0.0],
        [0.5, 0.59375, -0.09375, 0.0],
        [-0.086806, 0.943287, 0.16088, -0.017361],
        [-0.017361, 0.16088, 0.943287, -0.086806],
        [0.0, -0.09375, 0.59375, 0.5],
        [0.0, 0.0, -0.086806, 1.086806],
    ],
    ("torchvision", 3): [
        [1.0, 0.0, 0.0, 0.0],
        [-0.09375, 0.59375, 0.59375, -0.09375],
        [0.0, 0.0, 0.0, 1.0],
    ],
    ("huggingface", 3): [
        [0.856481, 0.16088, -0.017361, 0.0],
        [-0.09375, 0.59375, 0.59375, -0.09375],
        [0.0, -0.017361, 0.16088, 0.856481],
    ],
}


@pytest.mark.parametrize(("publisher", "new"), BICUBIC)
def test_positions_are_resampled_by_pytorchs_bicubic_where_the_publisher_takes_that(
    publisher: str, new: int
):
    """JAX's has another sharpness, and antialiases what it shrinks unless told otherwise."""
    weights = np.array(BICUBIC[publisher, new])
    (layout,) = (layout for layout in VIT if layout.publisher == publisher)
    grid = np.random.default_rng(0).normal(size=(4, 4, 5))
    token = np.ones((1, 1, 5))
    positions = np.concatenate([token, grid.reshape(1, 16, 5)], axis=1)
    found = layout.resize[POSITIONS](positions, (1, 1 + new * new, 5))
    expected = np.einsum("ai,bj,ijc->abc", weights, weights, grid)
    np.testing.assert_array_equal(found[:, :1], token)
    np.testing.assert_allclose(found[0, 1:].reshape(new, new, 5), expected, atol=1e-5)


def test_positions_in_googles_layout_keep_their_corners_and_are_linear_between():
    rows, columns = np.meshgrid(np.arange(4.0), np.arange(4.0), indexing="ij")
    grid = (2 * rows + 3 * columns).reshape(1, 16, 1)
    found = VIT[1].resize[POSITIONS](grid, (1, 49, 1)).reshape(7, 7)
    rows, columns = np.meshgrid(np.linspace(0, 3, 7), np.linspace(0, 3, 7), indexing="ij")
    np.testing.assert_allclose(found, 2 * rows + 3 * columns, atol=1e-6)


def test_positions_in_float16_are_resampled_as_those_in_float32_are():
    halves = np.random.default_rng(0).normal(size=(1, 17, 2)).astype(np.float16)
    for layout in VIT[:4]:
        found, expected = (
            layout.resize[POSITIONS](halves.astype(dtype), (1, 50, 2)) for dtype in ("f2", "f4")
        )
        np.testing.assert_allclose(found, expected, atol=5e-3, err_msg=layout.publisher)


def test_positions_without_a_class_token_fit_a_network_without_one():
    positions = np.random.default_rng(0).normal(size=(1, 16, 2)).astype(np.float32)
    assert VIT[0].resize[POSITIONS](positions, (1, 64, 2)).shape == (1, 64, 2)


def test_positions_for_another_kind_of_pooling_are_reported_not_bent():
    positions = np.zeros((1, 17, 2), np.float32)
    assert VIT[0].resize[POSITIONS](positions, (1, 64, 2)).shape == (1, 17, 2)


@pytest.mark.parametrize("publisher", ["timm", "google", "torchvision", "huggingface"])
def test_positions_for_no_patch_at_all_are_reported_too(publisher: str):
    (layout,) = (layout for layout in VIT if layout.publisher == publisher)
    empty = np.zeros((1, 0, 2), np.float32)
    assert layout.resize[POSITIONS](empty, (1, 16, 2)).shape == (1, 0, 2)
    assert layout.resize[POSITIONS](empty, (1, 17, 2)).shape == (1, 0, 2)
