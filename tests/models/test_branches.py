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
@pytest.mark.parametrize("training", [False, True])
def test_it_answers_as_if_it_averaged_first(pool, layers, training, monkeypatch):
    monkeypatch.setenv("VITLAB_LAYERS", layers)
    layer = partial(ConvNorm, activation=jax.nn.relu, rngs=nnx.Rngs(0))
    branch = Branch(12, chain(Conv(5, 1), Conv(6, 3), pool=pool), layer=layer)
    first = branch.layers[0]
    assert isinstance(first, ConvNorm)
    first.norm.mean[...] = random_array((5,), 1)  # the average must stay before it
    if training:
        branch.train()
    else:
        branch.eval()
    graph, state = nnx.split(branch)

    def averaging_first(maps):
        averaged = average_pool(maps, window=3, include_padding=pool == "average with padding")
        for layer in nnx.merge(graph, state, copy=True).layers:
            averaged = layer(averaged)
        return averaged

    def answer(maps):
        return nnx.merge(graph, state, copy=True)(maps)

    maps, slopes = random_array((2, 7, 9, 12), 0), random_array((2, 7, 9, 6), 2)
    with jax.default_matmul_precision("float32"):
        expected, expected_back = jax.vjp(averaging_first, maps)
        found, found_back = jax.vjp(answer, maps)
        assert np.std(expected) > 0.01
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        (by_maps,), (expected_by_maps,) = found_back(slopes), expected_back(slopes)
        np.testing.assert_allclose(by_maps, expected_by_maps, rtol=1e-3, atol=1e-4)


def test_it_averages_what_the_1x1_left(monkeypatch):
    channels = []

    def recorded(maps, **options):
        channels.append(maps.shape[-1])
        return average_pool(maps, **options)

    monkeypatch.setattr("vitlab.models.layers.branches.average_pool", recorded)
    layer = partial(ConvNorm, activation=jax.nn.relu, rngs=nnx.Rngs(0))
    Branch(12, chain(Conv(5, 1), pool="average"), layer=layer)(random_array((2, 7, 9, 12), 0))
    assert channels == [5]


def test_an_average_before_a_bias_is_refused():
    """Before it, the share of the zeros outside would be taken from the bias as well."""
    layer = partial(ConvNorm, activation=None, bias=True, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="no bias"):
        Branch(12, chain(Conv(5, 1), pool="average with padding"), layer=layer)


@pytest.mark.parametrize("steps", [(), (Conv(8, 3),), (Conv(8, 1, stride=2),)])
def test_an_average_without_a_1x1_behind_it_is_refused(steps: tuple[Conv, ...]):
    with pytest.raises(ValueError, match="a kernel of 1 and stride 1"):
        Chain(steps, pool="average")
