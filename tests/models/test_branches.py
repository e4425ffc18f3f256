"""Branches: the 1x1s that begin them are one product, and those behind an average are done before it."""

from functools import partial

import jax
import numpy as np
import pytest
from flax import nnx

from tests.models.programs import every_program
from tests.models.reference import random_array
from vitlab.models.layers import Branches, Chain, Conv, ConvNorm, average_pool, chain
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


FORK = (chain(Conv(4, (1, 3))), chain(Conv(3, (3, 1))))
MIXED = (
    chain(Conv(5, 1)),
    chain(pool="max"),
    chain(Conv(4, 1), pool="max"),
    chain(Conv(7, 3, stride=2)),
    chain(Conv(4, 1), Conv(6, 3, stride=2)),
    chain(Conv(8, 1, stride=2)),
)
KEEPING_THE_SIZE = (
    chain(Conv(5, 1)),
    chain(Conv(6, 3)),
    chain(Conv(4, 1), FORK),
    chain(Conv(3, 1), pool="average"),
)


def products_of_maps(program, channels: int) -> int:
    """How many products of maps of so many channels with a matrix are in it."""
    return sum(
        step.primitive.name == "dot_general" and step.invars[0].aval.shape[-1] == channels
        for inner in every_program(program)
        for step in inner.eqns
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_1x1s_that_begin_branches_are_one_product_and_answer_as_each_alone(
    training, dtype, monkeypatch
):
    layer = partial(ConvNorm, activation=jax.nn.relu, rngs=nnx.Rngs(0))
    block = Branches(12, KEEPING_THE_SIZE, layer=layer)
    if training:
        block.train()
    else:
        block.eval()
    graph, state = nnx.split(block)
    maps, slopes = random_array((2, 6, 9, 12), 0), random_array((2, 6, 9, 21), 2)
    maps, slopes = maps.astype(dtype), slopes.astype(dtype)

    def found_in(layers: str):
        def answer(state, maps):  # of its own each time, so that it is traced anew
            module = nnx.merge(graph, state)
            return module(maps), nnx.state(module, nnx.BatchStat)

        monkeypatch.setenv("VITLAB_LAYERS", layers)
        program = jax.make_jaxpr(answer)(state, maps)
        with jax.default_matmul_precision("float32"):
            outputs, pull_back, moved = jax.vjp(answer, state, maps, has_aux=True)
        return products_of_maps(program.jaxpr, 12), (outputs, moved, pull_back(slopes))

    products, found = found_in("")
    alone, expected = found_in("reference")
    assert (products, alone) == (1, 0)  # there they are convolutions
    tolerance = 1e-4 if dtype == "float32" else 0.1
    found, expected = ([np.asarray(leaf, np.float32) for leaf in jax.tree.leaves(tree)]
                       for tree in (found, expected))  # fmt: skip
    assert np.std(expected[0]) > 0.01
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=tolerance * (np.abs(other).max() + 1e-3))


def test_who_starts_alike():
    """Not whose 1x1 sees other maps: halved ones, or the highest values of windows."""
    layer = partial(ConvNorm, activation=jax.nn.relu, rngs=nnx.Rngs(0))
    block = Branches(12, MIXED, layer=layer)
    assert [branch.starts_alike for branch in block.branches] == [True, False, False, False, True, False]
    biased = Branches(12, (chain(Conv(5, 1)), chain(Conv(4, 1))), layer=partial(layer, bias=True))
    assert not any(branch.starts_alike for branch in biased.branches)
