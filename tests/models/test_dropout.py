"""Dropout: the share that it promises, and the mean that it keeps."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vitlab.models.layers import Dropout, give_keys


def test_a_share_is_dropped_and_the_rest_scaled_so_that_the_mean_stays():
    layer = Dropout(0.3)
    values = jnp.ones((100, 1000))
    np.testing.assert_array_equal(layer(values), values)
    give_keys(layer, jax.random.key(0))
    found = np.asarray(layer(values))
    np.testing.assert_allclose(np.unique(found), [0, 1 / 0.7], rtol=1e-6)
    # The standard deviation of the share of 100,000 coins is below 0.0015.
    assert abs((found == 0).mean() - 0.3) < 0.006


def test_every_layer_of_a_network_has_a_key_of_its_own():
    layers = nnx.List([Dropout(0.5), Dropout(0.5)])
    give_keys(layers, jax.random.key(0))
    first, second = (np.asarray(layer(jnp.ones((8, 64)))) for layer in layers)
    assert 0.3 < (first != second).mean() < 0.7
