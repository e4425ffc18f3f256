"""The optimizer and the learning-rate schedule of a phase, from optax."""

from collections.abc import Mapping

import jax
import optax

from vitlab.config import Phase
from vitlab.models import Arrays
from vitlab.phase_settings import DECOUPLED


def make_optimizer(
    phase: Phase,
    schedule: optax.Schedule,
    rates: Mapping[str, float] | None = None,
    decays: Mapping[str, float] | None = None,
) -> optax.GradientTransformation:
    """`rates` and `decays`: how many times the learning rate, and the weight decay, by parameter path;
    those that are not in it have 1.

    Its state is that of the optimizer's rule alone, so a phase under way may change in the rest.
    """
    decay = _decayed(phase.weight_decay, decays or {})
    rule = _rule(phase, schedule, decay)
    before = optax.clip_by_global_norm(phase.clip) if phase.clip else optax.identity()
    if phase.optimizer not in DECOUPLED:
        before = optax.chain(before, decay)
    after = _scaled(rates or {})

    def update(gradients: Arrays, state: optax.OptState, parameters: Arrays | None = None):
        gradients, _ = before.update(gradients, before.init(gradients), parameters)
        updates, state = rule.update(gradients, state, parameters)
        updates, _ = after.update(updates, after.init(updates), parameters)
        return updates, state

    return optax.GradientTransformation(rule.init, update)


def _scaled(factors: Mapping[str, float]) -> optax.GradientTransformation:
    return optax.stateless(
        lambda updates, _: {path: update * factors.get(path, 1.0) for path, update in updates.items()}
    )


def _decayed(
    weight_decay: float | jax.Array, factors: Mapping[str, float]
) -> optax.GradientTransformation:
    """An array is that of a population, whose program is given it."""
    is_none = not isinstance(weight_decay, jax.Array) and not weight_decay

    def add(updates: Arrays, parameters: Arrays) -> Arrays:
        decays = {path: factors.get(path, 1.0) for path in updates}
        return {
            path: update + weight_decay * decays[path] * parameters[path]
            if decays[path] and not is_none
            else update
            for path, update in updates.items()
        }

    return optax.stateless(add)


def _rule(
    phase: Phase, schedule: optax.Schedule, decay: optax.GradientTransformation
) -> optax.GradientTransformation:
    """Those that are decoupled are optax's, with `decay` in the place of its own weight decay."""
    rate = optax.scale_by_learning_rate(schedule)
    if phase.optimizer == "adam":
        return optax.adam(schedule)
    if phase.optimizer == "adamw":
        return optax.chain(optax.scale_by_adam(), decay, rate)
    if phase.optimizer == "rmsprop":
        return optax.rmsprop(schedule)
    if phase.optimizer == "lamb":
        return optax.chain(optax.scale_by_adam(eps=1e-6), decay, optax.scale_by_trust_ratio(), rate)
    if phase.optimizer == "lion":
        return optax.chain(optax.scale_by_lion(b1=0.9, b2=0.99), decay, rate)
    return optax.sgd(schedule, momentum=phase.momentum, nesterov=True)


def make_schedule(phase: Phase, steps: int, steps_per_epoch: int) -> optax.Schedule:
    """The learning rate as a function of the step, for a phase of at most `steps` steps.

    A warm-up comes before the schedule, which begins at its end.
    """
    warmup = phase.warmup_steps or phase.warmup_epochs * steps_per_epoch
    rest = max(steps - warmup, 1)
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
