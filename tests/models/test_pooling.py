"""Pooling equals XLA's own, and PyTorch's bins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitlab.models.layers import adaptive_average_pool, max_pool
from vitlab.models.layers.pooling import max_pool_reference


@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(3, 15),
    width=st.integers(3, 15),
    window=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 1),
    seed=st.integers(0, 2**16),
)
def test_the_highest_values_and_their_gradients_are_the_references(
    height, width, window, stride, padding, seed
):
    padding = min(padding, window // 2)
    generator = np.random.default_rng(seed)
    maps = jnp.asarray(generator.normal(size=(2, height, width, 3)), jnp.float32)

    def both(pool):
        outputs, pull_back = jax.vjp(
            lambda maps: pool(maps, window=window, stride=stride, padding=padding), maps
        )
        slopes = jnp.asarray(np.random.default_rng(seed).normal(size=outputs.shape), jnp.float32)
        return outputs, pull_back(slopes)[0]

    for found, expected in zip(both(max_pool), both(max_pool_reference), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("length", [1, 3, 5, 7, 8, 9, 14, 16])
def test_bins_are_those_of_pytorch(length: int):
    """Position i averages floor(i n / 7) to ceil((i + 1) n / 7), as `adaptive_avg_pool2d` documents."""
    maps = np.random.default_rng(0).normal(size=(1, length, length + 2, 2)).astype(np.float32)
    found = adaptive_average_pool(jnp.asarray(maps), 7)
    for row in range(7):
        rows = slice(row * length // 7, -(-(row + 1) * length // 7))
        for column in range(7):
            columns = slice(column * (length + 2) // 7, -(-(column + 1) * (length + 2) // 7))
            expected = maps[0, rows, columns].mean((0, 1))
            np.testing.assert_allclose(found[0, row, column], expected, atol=1e-5)
