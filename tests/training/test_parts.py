"""Early stopping, trainable patterns, schedules, the log: the small parts of a phase."""

import json
import math
from pathlib import Path
from typing import get_args, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vitlab.config import Phase
from vitlab.errors import InputError
from vitlab.training import Chosen, History, Stage, chosen_parameters
from vitlab.training.early_stopping import EarlyStopping
from vitlab.training.optimizer import make_optimizer, make_schedule
from vitlab.training.step import is_finite

PATHS = ["backbone/blocks/0/kernel", "backbone/blocks/1/kernel", "head/kernel", "head/bias"]


def after(scores: list[tuple[float, float]], patience: int) -> EarlyStopping:
    stopping = EarlyStopping(patience)
    for epoch, (accuracy, loss) in enumerate(scores, start=1):
        stopping = stopping.after(epoch, accuracy, loss)
    return stopping


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss():
    assert after([(0.5, 1.0), (0.9, 0.5), (0.9, 0.3), (0.9, 0.4), (0.8, 0.1)], 0).best_epoch == 3


def test_patience_counts_from_the_last_rise_of_the_accuracy():
    scores = [(0.5, 1.0), (0.6, 0.9), (0.6, 0.8), (0.6, 0.7)]
    assert not after(scores, patience=3).should_stop
    assert after(scores, patience=2).should_stop
    assert not after(scores, patience=0).should_stop


def test_a_gain_within_min_delta_is_kept_but_does_not_buy_time():
    """Row S2-15: validation loss, min_delta 1e-2, patience 2."""
    stopping = EarlyStopping(2, "loss", 1e-2)
    for epoch, loss in enumerate([1.0, 0.5, 0.495, 0.492], start=1):
        assert not stopping.should_stop
        stopping = stopping.after(epoch, 0.1 * (5 - epoch), loss)
    assert stopping.should_stop
    assert stopping.best_epoch == 4


def test_small_gains_that_add_up_to_min_delta_buy_time():
    stopping = EarlyStopping(2, "loss", 1e-2)
    for epoch, loss in enumerate([0.5, 0.495, 0.489], start=1):
        stopping = stopping.after(epoch, 0.5, loss)
    assert stopping.waited == 0


def chosen(**settings) -> Chosen:
    return chosen_parameters(PATHS, Phase(epochs=1, **settings), "phases.x")


def test_patterns_choose_whole_paths():
    assert chosen(trainable=("head/.*",)).paths == {"head/kernel", "head/bias"}
    assert chosen(trainable=(".*/1/.*", "head/bias")).paths == {PATHS[1], "head/bias"}


def test_the_last_layers_are_counted_from_the_head():
    assert chosen(last_layers=1).paths == {"head/kernel", "head/bias"}
    assert chosen(last_layers=2, trainable=(".*/kernel",)).paths == {PATHS[1], "head/kernel"}
    assert chosen(last_layers=3).paths == set(PATHS)
    with pytest.raises(InputError, match=r"phases.x.last_layers is 4; the network has 3, its head incl"):
        chosen(last_layers=4)
    with pytest.raises(InputError, match=r"unknown pattern of parameters 'backbone/blocks/0/\.\*'"):
        chosen(last_layers=2, trainable=("backbone/blocks/0/.*",))


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (
            ("haed/.*",),
            r"unknown pattern of parameters 'haed/\.\*' \(phases.x.trainable\); did you mean head",
        ),
        (("head",), "unknown pattern of parameters 'head'"),
        (("head/(",), "is no pattern"),
        ((), "is empty"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error(patterns, message: str):
    with pytest.raises(InputError, match=message):
        chosen(trainable=patterns)


@pytest.mark.parametrize(
    ("phase", "epochs", "steps"),
    [
        (Phase(epochs=50), 50, 500),
        (Phase(total_epochs=100), 70, 700),
        (Phase(epochs=50, total_epochs=60), 30, 300),
        (Phase(total_epochs=20), 0, 0),
        (Phase(steps=1), 1, 1),
        (Phase(steps=40), 4, 40),
        (Phase(steps=41), 5, 41),
        (Phase(steps=41, epochs=4), 4, 40),
        (Phase(steps=39, epochs=4), 4, 39),
        (Phase(steps=39, total_epochs=32), 2, 20),
    ],
)
def test_a_phase_is_as_long_as_the_shortest_of_its_limits(phase: Phase, epochs: int, steps: int):
    """Ten steps an epoch, and 30 epochs in the phases before."""
    stage = Stage("x", phase, 1, earlier=30)
    assert (stage.most_epochs(10), stage.most_steps(10)) == (epochs, steps)


def test_a_cosine_rises_for_the_warm_up_and_falls_to_zero():
    schedule = make_schedule(
        Phase(learning_rate=0.1, schedule="cosine", warmup_epochs=2, epochs=10), 50, 5
    )
    assert float(schedule(0)) == 0
    assert float(schedule(5)) == pytest.approx(0.05)
    assert float(schedule(10)) == pytest.approx(0.1)
    assert float(schedule(30)) == pytest.approx(0.1 * (1 + math.cos(math.pi / 2)) / 2)
    assert float(schedule(50)) == pytest.approx(0, abs=1e-9)


def test_linear_and_step_schedules_are_the_textbook_ones():
    linear = make_schedule(Phase(learning_rate=0.1, schedule="linear", epochs=10), 50, 5)
    assert [float(linear(step)) for step in (0, 25, 50)] == pytest.approx([0.1, 0.05, 0])
    phase = Phase(learning_rate=0.1, schedule="step", step_epochs=3, step_factor=0.5, epochs=10)
    stairs = make_schedule(phase, 50, 5)
    assert [float(stairs(step)) for step in (14, 15, 29, 30)] == pytest.approx([0.1, 0.05, 0.05, 0.025])


def test_a_schedule_in_steps_is_the_one_in_epochs_of_one_step():
    steps = Phase(learning_rate=0.1, schedule="cosine", warmup_steps=7, steps=23)
    epochs = Phase(learning_rate=0.1, schedule="cosine", warmup_epochs=7, epochs=23)
    found, expected = make_schedule(steps, 23, 5), make_schedule(epochs, 23, 1)
    for step in range(24):
        assert float(found(step)) == float(expected(step))
    assert float(found(7)) == pytest.approx(0.1)
    assert float(found(23)) == pytest.approx(0, abs=1e-9)


def updated(phase: Phase, gradient: list[float]) -> np.ndarray:
    """A parameter that began at 1, after a step at rate 0.1."""
    optimizer = make_optimizer(phase, lambda _: 0.1)
    parameters = {"kernel": jnp.ones(len(gradient))}
    gradients = {"kernel": jnp.asarray(gradient)}
    updates, _ = optimizer.update(gradients, optimizer.init(parameters), parameters)
    return np.asarray(optax.apply_updates(parameters, updates)["kernel"])


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase(optimizer="adam"), 1 - 0.1),  # a first step of its full length
        (Phase(optimizer="adamw", weight_decay=0.5), 1 - 0.1 * (1 + 0.5)),
        (Phase(optimizer="lion", weight_decay=0.5), 1 - 0.1 * (1 + 0.5)),  # the gradient's sign
        (Phase(optimizer="lamb", weight_decay=0.5), 1 - 0.1),  # as long as the parameters, 1
        (Phase(optimizer="rmsprop"), 1 - 0.1 / math.sqrt(1 - 0.9)),
        (Phase(optimizer="sgd", momentum=0.8), 1 - 0.1 * (1 + 0.8) * 3),
        (Phase(optimizer="sgd", momentum=0.0, weight_decay=0.5), 1 - 0.1 * (3 + 0.5)),
        (Phase(optimizer="sgd", momentum=0.0, clip=2.0), 1 - 0.1 * 2),
    ],
)
def test_the_first_step_of_every_optimizer_is_the_closed_form(phase: Phase, expected: float):
    assert float(updated(phase, [3.0])[0]) == pytest.approx(expected, rel=1e-5)


def test_the_first_pattern_that_matches_gives_a_parameter_its_rate():
    """And the whole update follows it, weight decay as well."""
    rates = (("head/kernel", 10.0), ("head/.*", 2.0), (".*/1/.*", 0.5))
    factors = chosen(rates=rates).rates
    assert factors == {"head/kernel": 10.0, "head/bias": 2.0, PATHS[1]: 0.5}
    phase = Phase(optimizer="adamw", weight_decay=0.5)
    parameters = {path: jnp.ones(1) for path in PATHS}
    gradients = {path: jnp.full(1, 3.0) for path in PATHS}
    optimizer = make_optimizer(phase, lambda _: 0.01, factors)
    updates, _ = optimizer.update(gradients, optimizer.init(parameters), parameters)
    for path, update in updates.items():
        assert float(update[0]) == pytest.approx(-0.01 * 1.5 * factors.get(path, 1.0), rel=1e-5)


def test_a_rate_for_nothing_is_an_error():
    message = r"unknown pattern of parameters 'haed/\.\*' \(phases.x.rates\); did"
    with pytest.raises(InputError, match=message):
        chosen(rates=(("haed/.*", 2.0),))


def test_each_layer_trains_at_its_share_of_the_rate_above():
    found = chosen(layer_decay=0.5, rates=(("head/bias", 3.0), (".*/1/.*", 10.0)))
    assert found.rates == {PATHS[0]: 0.25, PATHS[1]: 5.0, "head/kernel": 1.0, "head/bias": 3.0}
    # The same whatever else trains.
    assert chosen(layer_decay=0.5, trainable=(".*/0/.*",)).rates == {PATHS[0]: 0.25}


SMALL = {"kernel": jnp.array([[1.0, -2.0], [0.5, 4.0]]), "bias": jnp.array([0.3, -0.7])}


def steps_of(optimizer: optax.GradientTransformation, parameters=SMALL, count: int = 3):
    """Parameters after some steps with gradients that change."""
    state = optimizer.init(parameters)
    for step in range(count):
        gradients = {path: jnp.cos(values + step) for path, values in parameters.items()}
        updates, state = optimizer.update(gradients, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
    return parameters


OPTIMIZERS = get_args(get_type_hints(Phase)["optimizer"])


@pytest.mark.parametrize("phase", [Phase(optimizer=name, weight_decay=0.2) for name in OPTIMIZERS])
def test_biases_without_weight_decay_are_what_optax_masks(phase: Phase):
    name = phase.optimizer
    settings = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    mask = {"kernel": True, "bias": False}
    if name in ("adamw", "lamb", "lion"):
        expected = getattr(optax, name)(0.1, weight_decay=0.2, mask=mask)
    else:
        decay = optax.add_decayed_weights(0.2, mask)
        expected = optax.chain(decay, getattr(optax, name)(0.1, **settings))
    found = make_optimizer(phase, lambda _: 0.1, {}, {"bias": 0.0})
    for path, values in steps_of(expected).items():
        np.testing.assert_allclose(steps_of(found)[path], values, rtol=1e-6)


def test_a_weight_decay_by_pattern_is_a_multiple_of_the_phases():
    """And the rate multiplies what is decoupled: 1 - rate (update + decay)."""
    decays = (("head/bias", 0.0), ("head/.*", 3.0))
    found = chosen(weight_decay=0.5, decays=decays)
    assert found.decays == {"head/bias": 0.0, "head/kernel": 3.0}
    phase = Phase(optimizer="adamw", weight_decay=0.5)
    optimizer = make_optimizer(phase, lambda _: 0.01, {"head/kernel": 2.0}, found.decays)
    parameters = {path: jnp.ones(1) for path in PATHS}
    gradients = {path: jnp.full(1, 3.0) for path in PATHS}
    updates, _ = optimizer.update(gradients, optimizer.init(parameters), parameters)
    assert {path: float(update[0]) for path, update in updates.items()} == pytest.approx(
        {PATHS[0]: -0.015, PATHS[1]: -0.015, "head/kernel": -0.02 * 2.5, "head/bias": -0.01}, rel=1e-5
    )


def test_what_is_added_to_the_loss_is_not_clipped():
    phase = Phase(optimizer="sgd", momentum=0.0, clip=1.0, weight_decay=0.5)
    np.testing.assert_allclose(updated(phase, [3.0]), [1 - 0.1 * (1 + 0.5)], rtol=1e-6)


def test_clipping_is_of_the_norm_over_all_parameters():
    found = updated(Phase(optimizer="sgd", momentum=0.0, clip=1.0), [3.0, 4.0])
    np.testing.assert_allclose(found, [1 - 0.1 * 0.6, 1 - 0.1 * 0.8], rtol=1e-6)


def test_the_log_keeps_whole_lines_and_forgets_what_will_be_trained_again(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    history = History(path)
    for epoch in range(5):
        history.append({"phase": "head", "epoch": epoch})
    history.append({"phase": "all", "epoch": 0})
    with open(path, "a") as file:
        file.write('{"phase": "all", "epoch": 1, "trai')  # the process was killed here
    found = History(path)
    assert len(found) == 6
    found.cut("head", 3)  # what other phases did stays
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["phase"], line["epoch"]) for line in lines] == [
        *(("head", epoch) for epoch in range(3)),
        ("all", 0),
    ]


def test_a_log_with_a_damaged_line_before_the_last_is_not_gone_on_with(tmp_path: Path):
    """The lines after it would be lost."""
    path = tmp_path / "log.jsonl"
    path.write_text('{"phase": "head", "epoch": 0}\n{"phase": "he\n{"phase": "all", "epoch": 0}\n')
    with pytest.raises(InputError, match=r"line 2 is no JSON .*; put it back, or start again in a new"):
        History(path)


def test_a_log_that_lost_lines_is_an_error(tmp_path: Path):
    (tmp_path / "log.jsonl").write_text('{"phase": "head", "epoch": 0}\n')
    with pytest.raises(InputError, match="has 1 whole lines of phase head where 4 epochs were trained"):
        History(tmp_path / "log.jsonl").cut("head", 4)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])  # NumPy looks, or a compiled program
@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_one_value_that_is_no_number_is_found(backend, strange, dtype, monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: backend)
    sound = {
        "kernel": jnp.linspace(-3, 3, 60, dtype=dtype).reshape(3, 20),
        "empty": jnp.zeros((0, 4)),
        "rate": jnp.float32(1e-3),
        "steps": jnp.int32(7),
        "key": jax.random.key(0),
    }
    assert is_finite(sound)
    assert not is_finite(sound | {"kernel": sound["kernel"].at[1, 7].set(strange)})
    assert not is_finite(sound | {"rate": jnp.float32(strange)})
