import jax
import numpy as np
import pytest
from flax import nnx

from vitlab.models.layers import RandomNumbers


@pytest.mark.parametrize("seed", [0, 17, jax.random.key(3)])
def test_keys_are_those_of_flax(seed):
    ours, theirs = RandomNumbers(seed), nnx.Rngs(seed)
    for _ in range(3):
        assert (
            jax.random.key_data(ours.params()).tolist() == jax.random.key_data(theirs.params()).tolist()
        )


def test_keys_can_be_drawn_under_vmap():
    seeds = jax.random.split(jax.random.key(0), 2)
    drawn = jax.vmap(lambda seed: jax.random.key_data(RandomNumbers(seed).params()))(seeds)
    alone = [jax.random.key_data(RandomNumbers(seed).params()) for seed in seeds]
    np.testing.assert_array_equal(drawn, alone)
