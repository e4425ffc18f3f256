"""The optimizer and the learning-rate schedule of a phase, from optax."""

from collections.abc import Mapping

import jax
import optax

from vitlab.config import Phase
from vitlab.phase_settings import DECOUPLED


def make_optimizer(
    phase: Phase, schedule: optax.Schedule, factors: Mapping[str, float] | None = None
) -> optax.GradientTransformation:
    """`factors` of the learning rate by parameter path; those that are not in it have 1."""
    steps = [_rule(phase, schedule)]
    if factors:
        steps.append(_scaled(factors))
    decay = phase.weight_decay  # of a population, an array that its program is given
    if phase.optimizer not in DECOUPLED and (isinstance(decay, jax.Array) or decay):
        steps.insert(0, optax.add_decayed_weights(decay))
    if phase.clip:
        steps.insert(0, optax.clip_by_global_norm(phase.clip))
    return optax.chain(*steps)


def _scaled(factors: Mapping[str, float]) -> optax.GradientTransformation:
    return optax.stateless(
        lambda updates, _: {path: update * factors.get(path, 1.0) for path, update in updates.items()}
    )


def _rule(phase: Phase, schedule: optax.Schedule) -> optax.GradientTransformation:
    if phase.optimizer == "adam":
        return optax.adam(schedule)
    if phase.optimizer == "adamw":
        return optax.adamw(schedule, weight_decay=phase.weight_decay)
    if phase.optimizer == "rmsprop":
        return optax.rmsprop(schedule)
    if phase.optimizer == "lamb":
        return optax.lamb(schedule, weight_decay=phase.weight_decay)
    if phase.optimizer == "lion":
        return optax.lion(schedule, weight_decay=phase.weight_decay)
    return optax.sgd(schedule, momentum=phase.momentum, nesterov=True)


def make_schedule(phase: Phase, epochs: int, steps_per_epoch: int) -> optax.Schedule:
    """The learning rate as a function of the step, for a phase of at most `epochs` epochs.

    A warm-up comes before the schedule, which begins at its end.
    """
    warmup = phase.warmup_epochs * steps_per_epoch
    rest = max(epochs * steps_per_epoch - warmup, 1)
    if phase.schedule == "cosine":
        after = optax.cosine_decay_schedule(phase.learning_rate, rest)
    elif phase.schedule == "linear":
        after = optax.linear_schedule(phase.learning_rate, 0.0, rest)
    elif phase.schedule == "step":
        every = phase.step_epochs * steps_per_epoch
        after = optax.exponential_decay(phase.learning_rate, every, phase.step_factor, staircase=True)
    else:
        after = optax.constant_schedule(phase.learning_rate)
    rising = optax.linear_schedule(0.0, phase.learning_rate, warmup)
    return optax.join_schedules([rising, after], [warmup]) if warmup else after
