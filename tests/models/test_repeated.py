"""Parts that a network repeats are traced once, and compute what each would compute by itself."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jaxtyping import Array

from vitlab.models.layers import repeated
from vitlab.models.layers.backend import prefers_reformulation
from vitlab.models.layers.normalization import PYTORCH, BatchNorm


class Part(nnx.Module):
    """Tells `traced` each time that it is traced, and by which formulation."""

    def __init__(self, traced: list[tuple[float, bool]], *, slope: float, factor: float):
        self.traced = nnx.static(traced.append)
        self.slope, self.factor = slope, nnx.Param(jnp.asarray(factor))
        self.norm = BatchNorm(3, PYTORCH)

    @repeated
    def __call__(self, values: Array, power: int = 1) -> Array:
        self.traced((self.slope, prefers_reformulation()))
        return self.norm(values * self.factor[...]) ** power + self.slope * values


def stack_of(traced: list[tuple[float, bool]]) -> list[Part]:
    slopes = (1.0, 1.0, 2.0, 1.0)
    return [Part(traced, slope=slope, factor=1 + i / 8) for i, slope in enumerate(slopes)]


def values() -> Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32))


def answer(parts: list[Part], values: Array) -> Array:
    for part in parts:
        values = part(values)
    return values


def test_parts_that_are_alike_are_traced_once_whatever_their_numbers():
    traced: list[tuple[float, bool]] = []
    parts = stack_of(traced)
    graph, state = nnx.split(parts)

    def total(state: nnx.State) -> Array:
        return answer(nnx.merge(graph, state), values()).sum()

    gradient = jax.jit(jax.grad(total))(state)
    assert traced == [(slope, prefers_reformulation()) for slope in (1.0, 2.0)]

    def total_untouched(state: nnx.State) -> Array:
        results = values()
        for part in nnx.merge(graph, state):
            results = inspect.unwrap(Part.__call__)(part, results)
        return results.sum()

    np.testing.assert_allclose(total(state), total_untouched(state), rtol=1e-5)
    expected = jax.grad(total_untouched)(state)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), gradient, expected)


def test_each_formulation_is_traced_for_itself(monkeypatch: pytest.MonkeyPatch):
    traced: list[tuple[float, bool]] = []
    (part, *_) = stack_of(traced)
    monkeypatch.setenv("VITLAB_LAYERS", "")
    fast = prefers_reformulation()
    for layers in ("", "reference", ""):
        monkeypatch.setenv("VITLAB_LAYERS", layers)
        part(values())
    assert traced == [(1.0, fast), (1.0, False)][: 1 + fast]


def test_what_is_said_besides_the_array_is_kept_apart():
    (part, *_) = stack_of([])
    once, squared = part(values()), part(values(), power=2)
    np.testing.assert_allclose(
        once - values(), np.sqrt(squared - values()) * np.sign(values()), rtol=1e-5
    )


def test_the_statistics_of_each_part_move_where_it_is_trained():
    parts = stack_of([])
    for part in parts:
        part.train()
    answer(parts, values())
    means = [np.asarray(part.norm.mean[...]) for part in parts]
    assert all(mean.any() for mean in means)
    assert not np.allclose(means[0], means[1])


def test_a_part_that_answers_may_belong_to_a_function_around():
    """As where a batch is answered in halves: what was made outside cannot be written to inside."""
    (part, *_) = stack_of([])

    @jax.jit
    def outer(values: Array) -> Array:
        inner = jax.jit(part)
        return jnp.concatenate([inner(values[:4]), inner(values[4:])])

    np.testing.assert_allclose(outer(values()), part(values()), rtol=1e-6)
