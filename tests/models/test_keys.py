from functools import partial

import jax
import numpy as np
import pytest
from flax import nnx

from tests.models.programs import every_program
from vitlab.models import create
from vitlab.models.layers import RandomNumbers
from vitlab.models.layers.keys import AT_ONCE


@pytest.mark.parametrize("seed", [0, 17, jax.random.key(3), jax.random.key(3, impl="rbg")])
def test_keys_are_those_of_flax(seed):
    ours, theirs = RandomNumbers(seed), nnx.Rngs(seed)
    for _ in range(AT_ONCE + 2):
        assert (
            jax.random.key_data(ours.params()).tolist() == jax.random.key_data(theirs.params()).tolist()
        )


def test_keys_can_be_drawn_under_vmap():
    seeds = jax.random.split(jax.random.key(0), 2)
    drawn = jax.vmap(lambda seed: jax.random.key_data(RandomNumbers(seed).params()))(seeds)
    alone = [jax.random.key_data(RandomNumbers(seed).params()) for seed in seeds]
    np.testing.assert_array_equal(drawn, alone)


@pytest.mark.parametrize("shape", [(), (1,), (3, 3, 5, 7), (70_000,), (0, 4)])
@pytest.mark.parametrize("draw", [jax.random.bits, jax.random.truncated_normal, jax.random.uniform])
def test_numbers_are_those_of_jax(draw, shape):
    ours, theirs = RandomNumbers(5).params(), nnx.Rngs(5).params()
    if draw is jax.random.truncated_normal:
        draw = partial(draw, lower=-2.0, upper=2.0)
    np.testing.assert_array_equal(draw(ours, shape=shape), draw(theirs, shape=shape))


def test_what_is_narrower_is_drawn_too():
    ours, theirs = (
        jax.random.bits(rngs.params(), (9,), "uint8") for rngs in (RandomNumbers(5), nnx.Rngs(5))
    )
    np.testing.assert_array_equal(ours, theirs)


def test_a_network_makes_its_keys_at_once_and_draws_without_a_loop():
    build = partial(create, "mobilenet_v2", num_classes=2)
    program = jax.make_jaxpr(lambda: nnx.state(build(), nnx.Param))()
    names = [step.primitive.name for one in every_program(program.jaxpr) for step in one.eqns]
    assert names.count("random_bits") > 50
    assert names.count("random_fold_in") == 1
    drawn = jax.jit(jax.random.normal).lower(RandomNumbers(0).params())
    assert "stablehlo.while" not in drawn.as_text()
