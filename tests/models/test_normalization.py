"""Batch normalisation against its definition, differentiated by JAX itself."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from vitlab.models.layers import BatchNorm

EPSILON = 1e-3


def by_definition(images, scale, bias):
    mean = images.mean((0, 1, 2))
    variance = ((images - mean) ** 2).mean((0, 1, 2))
    return (images - mean) / jnp.sqrt(variance + EPSILON) * scale + bias


def trained(images, scale, bias):
    norm = BatchNorm(images.shape[-1], epsilon=EPSILON, momentum=0.9)
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
    norm = BatchNorm(3, epsilon=EPSILON, momentum=0.9)
    norm.train()
    norm(images)
    np.testing.assert_allclose(norm.mean[...], 0.1 * images.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.variance[...], 0.9 + 0.1 * images.var((0, 1, 2)), rtol=1e-4)


def test_inference_uses_the_stored_statistics_and_leaves_them():
    norm = BatchNorm(2, epsilon=EPSILON, momentum=0.9)
    norm.mean[...], norm.variance[...] = jnp.array([1.0, 2.0]), jnp.array([4.0, 9.0])
    norm.eval()
    images = jnp.ones((1, 2, 2, 2))
    expected = (1 - np.array([1.0, 2.0])) / np.sqrt(np.array([4.0, 9.0]) + EPSILON)
    np.testing.assert_allclose(norm(images)[0, 0, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(norm.mean[...], [1.0, 2.0])


def test_statistics_are_float32_whatever_the_images_are():
    norm = BatchNorm(2, epsilon=EPSILON, momentum=0.9)
    norm.train()
    assert norm(jnp.ones((2, 2, 2, 2), jnp.bfloat16)).dtype == jnp.bfloat16
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(nnx.state(norm)))
