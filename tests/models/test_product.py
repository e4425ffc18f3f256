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


def test_a_linear_layer_is_flaxs():
    ours, theirs = (layer(4, 3, rngs=nnx.Rngs(0)) for layer in (Linear, nnx.Linear))
    values = jnp.arange(8.0).reshape(2, 4)
    np.testing.assert_allclose(ours(values), theirs(values), rtol=1e-6)
