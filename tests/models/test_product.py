"""The layers' product is the ordinary one, and its gradient is the ordinary gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from vitlab.models.layers import Linear
from vitlab.models.layers.product import multiply


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_values_and_gradients_are_those_of_the_operator(shape: tuple[int, ...], dtype):
    random = np.random.default_rng(0)
    values = jnp.asarray(random.normal(size=shape), dtype)
    matrix = jnp.asarray(random.normal(size=(5, 7)), dtype)
    found, found_back = jax.vjp(multiply, values, matrix)
    expected, pull_back = jax.vjp(lambda values, matrix: values @ matrix, values, matrix)
    for one, other in zip((found, *found_back(found)), (expected, *pull_back(expected)), strict=True):
        assert one.dtype == dtype
        tolerance = 1e-5 if dtype == jnp.float32 else 2e-2
        np.testing.assert_allclose(
            one.astype(jnp.float32), other.astype(jnp.float32), rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
def test_a_linear_layer_is_flaxs(bias: bool, dtype):
    ours = Linear(4, 3, bias=bias, dtype=dtype, rngs=nnx.Rngs(0))
    theirs = nnx.Linear(4, 3, use_bias=bias, dtype=dtype, rngs=nnx.Rngs(1))
    kernel = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)
    for layer in (ours, theirs):
        layer.kernel[...] = kernel
        if layer.bias is not None:
            layer.bias[...] = jnp.arange(3.0)
    values = jnp.arange(8.0).reshape(2, 4)
    found, expected = ours(values), theirs(values)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.astype(jnp.float32), expected.astype(jnp.float32), rtol=1e-6)
