"""Pooling equals XLA's own, and PyTorch's bins."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitlab.models.layers import Padding, adaptive_average_pool, average_pool, block_average, max_pool
from vitlab.models.layers.convolution import padding_amounts
from vitlab.models.layers.pooling import average_pool_reference, max_pool_reference


def values_and_gradients(pool, maps, seed: int):
    outputs, pull_back = jax.vjp(pool, maps)
    slopes = jnp.asarray(np.random.default_rng(seed).normal(size=outputs.shape), jnp.float32)
    return outputs, pull_back(slopes)[0]


@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(3, 15),
    width=st.integers(3, 15),
    window=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["valid", "symmetric", "tensorflow"]),
    seed=st.integers(0, 2**16),
)
def test_the_highest_values_and_their_gradients_are_the_references(
    height: int, width: int, window: int, stride: int, padding: Padding, seed: int
):
    generator = np.random.default_rng(seed)
    maps = jnp.asarray(generator.normal(size=(2, height, width, 3)), jnp.float32)
    amounts = padding_amounts((height, width), (window, window), stride, padding)

    def ours(maps):
        return max_pool(maps, window=window, stride=stride, padding=padding)

    def reference(maps):
        return max_pool_reference(maps, window=window, stride=stride, amounts=amounts)

    found, expected = (values_and_gradients(pool, maps, seed) for pool in (ours, reference))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_plain_formulations_have_gradients_in_a_compiled_program_too():
    """They are what runs on GPU and TPU."""
    maps = jnp.arange(32.0).reshape(1, 4, 4, 2)
    amounts = ((0, 0), (0, 0))

    def pooled(maps):
        average = average_pool_reference(maps, window=3, include_padding=False)
        return max_pool_reference(average, window=2, stride=2, amounts=amounts).sum()

    assert float(jax.jit(jax.grad(pooled))(maps).sum()) == pytest.approx(8, rel=1e-5)


def test_the_first_of_equal_values_gets_the_whole_gradient():
    """As in PyTorch and TensorFlow; after a ReLU most maxima are one of several zeros."""
    maps = jnp.zeros((1, 4, 4, 1))
    outputs, gradient = values_and_gradients(lambda maps: max_pool(maps, window=2, stride=2), maps, 0)
    _, expected = values_and_gradients(
        lambda maps: max_pool_reference(maps, window=2, stride=2, amounts=((0, 0), (0, 0))), maps, 0
    )
    assert outputs.shape == (1, 2, 2, 1)
    np.testing.assert_array_equal(gradient, expected)
    assert np.count_nonzero(gradient) == 4


@settings(max_examples=10, deadline=None)
@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    window=st.sampled_from([1, 3, 5]),
    include_padding=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_means_and_their_gradients_are_the_references(
    height: int, width: int, window: int, include_padding: bool, seed: int
):
    maps = jnp.asarray(np.random.default_rng(seed).normal(size=(2, height, width, 3)), jnp.float32)
    found, expected = (
        values_and_gradients(partial(pool, window=window, include_padding=include_padding), maps, seed)
        for pool in (average_pool, average_pool_reference)
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_padding_is_left_out_of_a_mean_or_counts_as_zeros():
    """A corner has four of nine positions inside, an edge six, as Keras and PyTorch divide them."""
    maps = jnp.ones((1, 3, 4, 1))
    left_out = average_pool(maps, window=3, include_padding=False)
    np.testing.assert_allclose(left_out, 1, rtol=1e-6)
    counted = average_pool(maps, window=3, include_padding=True)[0, :, :, 0]
    np.testing.assert_allclose(counted[0], np.array([4, 6, 6, 4]) / 9, rtol=1e-6)
    np.testing.assert_allclose(counted[1], np.array([6, 9, 9, 6]) / 9, rtol=1e-6)


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


def test_block_averages_are_means_of_blocks_and_leave_out_what_is_left_over():
    maps = np.random.default_rng(0).normal(size=(2, 7, 5, 3)).astype(np.float32)
    found = block_average(jnp.asarray(maps), 2)
    assert found.shape == (2, 3, 2, 3)
    for row in range(3):
        for column in range(2):
            block = maps[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            np.testing.assert_allclose(found[:, row, column], block.mean(axis=(1, 2)), atol=1e-6)
