"""Attention whose softmax is divided late equals the paper's, in values and in all three gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models.reference import random_array
from vitlab.models.layers.attention import attend, weigh_late, weigh_reference


@settings(max_examples=8, deadline=None)
@given(
    heads=st.integers(1, 3),
    queries=st.integers(1, 9),
    tokens=st.integers(1, 9),
    width=st.integers(1, 8),
    causal=st.booleans(),
    scale=st.sampled_from([0.1, 1.0, 4.0]),
    seed=st.integers(0, 2**16),
)
def test_values_and_gradients_equal_the_reference(
    heads: int, queries: int, tokens: int, width: int, causal: bool, scale: float, seed: int
):
    arrays = (
        scale * random_array((2, heads, queries, width), seed),
        random_array((2, heads, tokens, width), seed + 1),
        random_array((2, heads, tokens, width), seed + 2),
    )
    with jax.default_matmul_precision("float32"):
        found, found_back = jax.vjp(lambda q, k, v: weigh_late(q, k, v, causal), *arrays)
        expected, pull_back = jax.vjp(lambda q, k, v: weigh_reference(q, k, v, causal), *arrays)
        slopes = random_array(expected.shape, seed + 3)
        for one, other in zip((found, *found_back(slopes)), (expected, *pull_back(slopes)), strict=True):
            np.testing.assert_allclose(one, other, atol=5e-5 * (1 + float(jnp.abs(other).max())))


def test_scores_beyond_what_an_exponential_holds_are_no_trouble():
    query = jnp.full((1, 2, 4), 100.0)
    mixed = attend(query, query, jnp.ones((1, 2, 4)), heads=1)
    np.testing.assert_allclose(mixed, 1)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_what_comes_out_has_the_precision_of_what_goes_in(dtype):
    tokens = jnp.ones((1, 3, 8), dtype)
    mixed, pull_back = jax.vjp(lambda *given: attend(*given, heads=2), tokens, tokens, tokens)
    assert {mixed.dtype, *(slope.dtype for slope in pull_back(mixed))} == {jnp.dtype(dtype)}
