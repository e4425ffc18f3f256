"""Every formulation of a convolution equals XLA's own, in values and in both gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitlab.models.layers import convolve
from vitlab.models.layers.convolution import convolve_reference, padding_amounts

SIZES = st.integers(1, 17)


def values_and_gradients(function, images, kernel, seed):
    @jax.jit
    def both(images, kernel):
        outputs, pull_back = jax.vjp(function, images, kernel)
        cotangent = np.random.default_rng(seed).normal(size=outputs.shape)
        return outputs, *pull_back(jnp.asarray(cotangent, jnp.float32))

    return both(images, kernel)


@settings(max_examples=20, deadline=None)
@given(
    height=SIZES,
    width=SIZES,
    channels=st.integers(1, 20),
    features=st.integers(1, 5),
    extent=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["tensorflow", "symmetric"]),
    depthwise=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_values_and_gradients_equal_the_reference(
    height, width, channels, features, extent, stride, padding, depthwise, seed
):
    amounts = padding_amounts((height, width), (extent, extent), stride, padding)
    if min(height + sum(amounts[0]), width + sum(amounts[1])) < extent:
        return  # the kernel does not fit once: there is no output
    groups = channels if depthwise else 1
    shape = (extent, extent, 1 if depthwise else channels, channels if depthwise else features)
    generator = np.random.default_rng(seed)
    images = jnp.asarray(generator.normal(size=(2, height, width, channels)), jnp.float32)
    kernel = jnp.asarray(generator.normal(size=shape), jnp.float32)

    def ours(images, kernel):
        return convolve(images, kernel, stride=stride, padding=padding, groups=groups)

    def reference(images, kernel):
        return convolve_reference(images, kernel, stride, amounts, groups)

    with jax.default_matmul_precision("float32"):
        found = values_and_gradients(ours, images, kernel, seed)
        expected = values_and_gradients(reference, images, kernel, seed)
    for one, other in zip(found, expected, strict=True):
        scale = float(jnp.abs(other).max()) + 1e-6
        np.testing.assert_allclose(one, other, atol=2e-5 * scale)


@pytest.mark.parametrize(("size", "before_and_after"), [(224, (0, 1)), (225, (1, 1))])
def test_tensorflow_pads_the_end_when_the_size_is_even(size: int, before_and_after: tuple[int, int]):
    amounts = padding_amounts((size, size), (3, 3), 2, "tensorflow")
    assert amounts == (before_and_after, before_and_after)


def test_half_precision_stays_half_precision():
    images = jnp.ones((1, 8, 8, 4), jnp.bfloat16)
    for kernel, groups in ((jnp.ones((3, 3, 1, 4)), 4), (jnp.ones((1, 1, 4, 2)), 1)):
        result = convolve(images, kernel.astype(jnp.bfloat16), padding="symmetric", groups=groups)
        assert result.dtype == jnp.bfloat16
