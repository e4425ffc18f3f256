"""Early stopping, trainable patterns, schedules, the log: the small parts of a phase."""

import json
import math
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vitlab.config import Phase
from vitlab.errors import InputError
from vitlab.training import History, most_epochs, rate_factors, trainable_paths
from vitlab.training.early_stopping import EarlyStopping
from vitlab.training.optimizer import make_optimizer, make_schedule

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


def test_patterns_choose_whole_paths():
    assert trainable_paths(PATHS, ("head/.*",), "p") == {"head/kernel", "head/bias"}
    assert trainable_paths(PATHS, (".*/1/.*", "head/bias"), "p") == {PATHS[1], "head/bias"}


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
        trainable_paths(PATHS, patterns, "phases.x.trainable")


@pytest.mark.parametrize(
    ("phase", "earlier", "epochs"),
    [
        (Phase(epochs=50), 30, 50),
        (Phase(total_epochs=100), 30, 70),
        (Phase(epochs=50, total_epochs=60), 30, 30),
        (Phase(total_epochs=20), 30, 0),
    ],
)
def test_total_epochs_count_those_of_earlier_phases(phase: Phase, earlier: int, epochs: int):
    assert most_epochs(phase, earlier) == epochs


def test_a_cosine_rises_for_the_warm_up_and_falls_to_zero():
    schedule = make_schedule(
        Phase(learning_rate=0.1, schedule="cosine", warmup_epochs=2, epochs=10), 10, 5
    )
    assert float(schedule(0)) == 0
    assert float(schedule(5)) == pytest.approx(0.05)
    assert float(schedule(10)) == pytest.approx(0.1)
    assert float(schedule(30)) == pytest.approx(0.1 * (1 + math.cos(math.pi / 2)) / 2)
    assert float(schedule(50)) == pytest.approx(0, abs=1e-9)


def test_linear_and_step_schedules_are_the_textbook_ones():
    linear = make_schedule(Phase(learning_rate=0.1, schedule="linear", epochs=10), 10, 5)
    assert [float(linear(step)) for step in (0, 25, 50)] == pytest.approx([0.1, 0.05, 0])
    phase = Phase(learning_rate=0.1, schedule="step", step_epochs=3, step_factor=0.5, epochs=10)
    stairs = make_schedule(phase, 10, 5)
    assert [float(stairs(step)) for step in (14, 15, 29, 30)] == pytest.approx([0.1, 0.05, 0.05, 0.025])


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
    factors = rate_factors(PATHS, rates, "p")
    assert factors == {"head/kernel": 10.0, "head/bias": 2.0, PATHS[1]: 0.5}
    phase = Phase(optimizer="adamw", weight_decay=0.5)
    parameters = {path: jnp.ones(1) for path in PATHS}
    gradients = {path: jnp.full(1, 3.0) for path in PATHS}
    optimizer = make_optimizer(phase, lambda _: 0.01, factors)
    updates, _ = optimizer.update(gradients, optimizer.init(parameters), parameters)
    for path, update in updates.items():
        assert float(update[0]) == pytest.approx(-0.01 * 1.5 * factors.get(path, 1.0), rel=1e-5)


def test_a_rate_for_nothing_is_an_error():
    with pytest.raises(InputError, match=r"unknown pattern of parameters 'haed/\.\*' \(p\); did"):
        rate_factors(PATHS, (("haed/.*", 2.0),), "p")


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


def test_a_log_that_lost_lines_is_an_error(tmp_path: Path):
    (tmp_path / "log.jsonl").write_text('{"phase": "head", "epoch": 0}\n')
    with pytest.raises(InputError, match="has 1 whole lines of phase head where 4 epochs were trained"):
        History(tmp_path / "log.jsonl").cut("head", 4)
