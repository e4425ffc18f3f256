"""Batch normalisation against its definition, differentiated by JAX itself."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from vitlab.models.layers import BatchNorm, NormSettings

EPSILON = 1e-3
KERAS = NormSettings(epsilon=EPSILON, momentum=0.9, unbiased=False)


def by_definition(images, scale, bias):
    mean = images.mean((0, 1, 2))
    variance = ((images - mean) ** 2).mean((0, 1, 2))
    return (images - mean) / jnp.sqrt(variance + EPSILON) * scale + bias


def trained(images, scale, bias):
    norm = BatchNorm(images.shape[-1], KERAS)
    norm.scale[...], norm.bias[...] = scale, bias
    norm.train()
    return norm(images)


@settings(max_examples=12, deadline=None)
@given(
    batch=st.integers(1, 4), size=st.integers(2, 7), channels=st.integers(1, 9), seed=st.integers(0, 999)
)
def test_training_mode_and_its_gradients_follow_the_definition(batch, size, channels, seed):
    generator = np.random.default_rng(seed)
    images = jnp.asarray(generator.normal(2, 3, (batch, size, size + 1, channels)), jnp.float32)
    scale, bias = (jnp.asarray(generator.normal(1, 0.3, channels), jnp.float32) for _ in range(2))
    cotangent = jnp.asarray(generator.normal(size=images.shape), jnp.float32)

    @functools.partial(jax.jit, static_argnums=0)
    def value_and_gradients(function, *arguments):
        value, pull_back = jax.vjp(function, *arguments)
        return value, *pull_back(cotangent)

    found = value_and_gradients(trained, images, scale, bias)
    expected = value_and_gradients(by_definition, images, scale, bias)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * (1 + float(jnp.abs(other).max())))


def test_the_stored_statistics_move_by_one_minus_the_momentum():
    images = jnp.asarray(np.random.default_rng(0).normal(5, 2, (8, 4, 4, 3)), jnp.float32)
    norm = BatchNorm(3, KERAS)
    norm.train()
    norm(images)
    np.testing.assert_allclose(norm.mean[...], 0.1 * images.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.variance[...], 0.9 + 0.1 * images.var((0, 1, 2)), rtol=1e-5)


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("shape", [(2, 1, 2, 3), (5, 3), (1, 1, 1, 3)])
def test_the_variance_that_is_stored_is_the_publishers(shape: tuple[int, ...], unbiased: bool):
    """PyTorch's is divided by one less than the number of values, where there are two or more."""
    images = np.random.default_rng(0).normal(1, 2, shape)
    norm = BatchNorm(3, NormSettings(epsilon=EPSILON, momentum=0.75, unbiased=unbiased))
    norm.train()
    norm(jnp.asarray(images, jnp.float32))
    values = images.reshape(-1, 3)
    expected = values.var(0, ddof=int(unbiased and len(values) > 1))
    np.testing.assert_allclose(norm.variance[...], 0.75 + 0.25 * expected, rtol=1e-5)


@pytest.mark.parametrize("momentum", [-0.1, 1.0, 1.5])
def test_a_momentum_that_is_no_share_is_refused(momentum: float):
    with pytest.raises(ValueError, match=f"momentum {momentum} of batch norm must be"):
        NormSettings(momentum=momentum)


@settings(max_examples=12, deadline=None)
@given(
    mean=st.sampled_from([0.0, -30.0, 100.0, 1000.0]),
    deviation=st.sampled_from([0.02, 0.05, 1.0]),
    border=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 999),
)
def test_no_digits_are_lost_where_the_mean_is_far_above_the_deviation(
    mean: float, deviation: float, border: float, seed: int
):
    """Against float64, but for what the mean as a float32 number, right to 16 units in its last place,
    moves. The borders of maps, which saw the padding, may lie elsewhere than the rest."""
    generator = np.random.default_rng(seed)
    images = generator.normal(mean, deviation, (3, 8, 9, 4))
    images[:, 0], images[:, :, 0] = images[:, 0] + border, images[:, :, 0] + border
    images = images.astype(np.float32)
    cotangent = generator.normal(size=images.shape)

    @jax.jit
    def run(images, cotangent):
        def normalise(images):
            norm = BatchNorm(4, NormSettings(momentum=0.0, unbiased=False))
            norm.train()
            return norm(images), (norm.mean[...], norm.variance[...])

        normalised, pull_back, moved = jax.vjp(normalise, images, has_aux=True)
        return normalised, pull_back(cotangent)[0], *moved

    found, gradient, found_mean, found_variance = run(
        jnp.asarray(images), jnp.asarray(cotangent, jnp.float32)
    )
    exact = images.astype(np.float64)
    inverse = (exact.var((0, 1, 2)) + 1e-5) ** -0.5
    expected = (exact - exact.mean((0, 1, 2))) * inverse
    across = (cotangent * expected).mean((0, 1, 2))
    expected_gradient = inverse * (cotangent - cotangent.mean((0, 1, 2)) - expected * across)
    slack = 16 * np.spacing(np.float32(abs(mean) + 1)) * inverse.max()
    np.testing.assert_allclose(found_variance, exact.var((0, 1, 2)), rtol=1e-5 + slack**2)
    np.testing.assert_allclose(found_mean, exact.mean((0, 1, 2)), rtol=2e-6, atol=1e-6)
    tolerance = 1e-5 + slack
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())
    largest = np.abs(expected_gradient).max()
    np.testing.assert_allclose(gradient, expected_gradient, atol=tolerance * largest)


def test_inference_uses_the_stored_statistics_and_leaves_them():
    norm = BatchNorm(2, KERAS)
    norm.mean[...], norm.variance[...] = jnp.array([1.0, 2.0]), jnp.array([4.0, 9.0])
    norm.eval()
    images = jnp.ones((1, 2, 2, 2))
    expected = (1 - np.array([1.0, 2.0])) / np.sqrt(np.array([4.0, 9.0]) + EPSILON)
    np.testing.assert_allclose(norm(images)[0, 0, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(norm.mean[...], [1.0, 2.0])


def test_statistics_are_float32_whatever_the_images_are():
    norm = BatchNorm(2, KERAS)
    norm.train()
    assert norm(jnp.ones((2, 2, 2, 2), jnp.bfloat16)).dtype == jnp.bfloat16
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(nnx.state(norm)))
