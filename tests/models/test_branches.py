"""A branch that averages: the 1x1 behind the average is done before it."""

from functools import partial

import jax
import numpy as np
import pytest
from flax import nnx

from tests.models.reference import random_array
from vitlab.models.layers import Chain, Conv, ConvNorm, average_pool, chain
from vitlab.models.layers.branches import Branch


@pytest.mark.parametrize("pool", ["average", "average with padding"])
@pytest.mark.parametrize("layers", ["", "reference"])
def test_it_answers_as_if_it_averaged_first(pool, layers, monkeypatch):
    monkeypatch.setenv("VITLAB_LAYERS", layers)
    layer = partial(ConvNorm, activation=jax.nn.relu, rngs=nnx.Rngs(0))
    branch = Branch(12, chain(Conv(5, 1), Conv(6, 3), pool=pool), layer=layer)
    first, second = branch.layers
    assert isinstance(first, ConvNorm)
    first.norm.mean[...] = random_array((5,), 1)  # the average must stay before it
    maps = random_array((2, 7, 9, 12), 0)
    averaged = average_pool(maps, window=3, include_padding=pool == "average with padding")
    expected = second(first(averaged))
    assert np.std(expected) > 0.01
    np.testing.assert_allclose(branch(maps), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", [(), (Conv(8, 3),), (Conv(8, 1, stride=2),)])
def test_an_average_without_a_1x1_behind_it_is_refused(steps: tuple[Conv, ...]):
    with pytest.raises(ValueError, match="a 1x1 of stride 1"):
        Chain(steps, pool="average")
