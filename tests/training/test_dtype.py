"""A network may compute in bfloat16; what is remembered between two steps is float32 all the same."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.training.small_setting import OPTIONS, some_store, train
from vitlab.config import Model, Phase
from vitlab.models import Arrays, Network, draw_blueprint, initialise, outline
from vitlab.training import first_state
from vitlab.training.step import train_step

NETWORKS: dict[str, dict[str, Any]] = {
    "vit": {name: value for name, value in OPTIONS.items() if name != "input_size"},
    "mobilenet_v2": {"width": 0.1},
}


def build(dtype: Literal["float32", "bfloat16"]) -> tuple[Network, Arrays, Arrays]:
    settings = Model(name="vit", input_size=8, dtype=dtype, options=NETWORKS["vit"])
    blueprint = draw_blueprint(settings)
    return initialise(lambda: blueprint.build(3), {})


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_in_bfloat16_keeps_everything_in_float32(name: str):
    """By types alone: nothing is compiled."""
    settings = Model(name=name, input_size=8, dtype="bfloat16", options=NETWORKS[name])
    network, *shapes = outline(lambda: draw_blueprint(settings).build(3))
    parameters, statistics = (
        {path: jax.ShapeDtypeStruct(shape, jnp.float32) for path, shape in some.items()}
        for some in shapes
    )
    optimizer = optax.adam(1e-3)

    def forward(parameters, statistics, images, key):
        logits, moved = network.train(parameters, statistics, images, moves=True)
        assert logits.dtype == jnp.float32
        return logits, moved

    step = train_step(forward, optimizer, jax.random.key(0))
    state = jax.eval_shape(partial(first_state, optimizer=optimizer), parameters, statistics)
    store = some_store(4, 0)
    frozen: dict[str, Arrays] = {"parameters": {}, "statistics": {}}
    batch = (jnp.asarray(store.inputs), jnp.asarray(store.labels), jnp.ones(4))
    program = jax.jit(step).lower(state, frozen, *batch).as_text()
    after, totals = jax.eval_shape(step, state, frozen, *batch)
    assert {leaf.dtype for leaf in jax.tree.leaves((after, totals))} == {
        jnp.dtype("float32"),
        jnp.dtype("int32"),  # of counters
    }
    products = [line for line in program.splitlines() if "dot_general" in line]
    halves = [line for line in products if "bf16" in line]
    assert len(halves) > len(products) / 2


def test_logits_in_bfloat16_are_those_of_float32_to_its_rounding():
    images = jnp.asarray(some_store(4, 0).inputs)
    exact, parameters, statistics = build("float32")
    parameters["head/kernel"] = jax.random.normal(jax.random.key(0), parameters["head/kernel"].shape)
    rounded, *_ = build("bfloat16")
    expected = np.asarray(exact(parameters, statistics, images))
    answer = np.asarray(rounded(parameters, statistics, images))
    assert np.abs(answer - expected).max() < 0.03 * np.abs(expected).max()
    assert (answer != expected).any()


def test_a_phase_learns_in_bfloat16(tmp_path: Path):
    phase = Phase(learning_rate=0.01, epochs=4)
    _, history, _ = train(tmp_path, phase, model=build("bfloat16"))
    assert history.lines[-1]["val"]["loss"] < 0.5 * np.log(3)  # where a new head begins
