"""The optimizer and the learning-rate schedule of a phase, from optax."""

import optax

from vitlab.config import Phase


def make_optimizer(phase: Phase, schedule: optax.Schedule) -> optax.GradientTransformation:
    if phase.optimizer == "adam":
        return optax.adam(schedule)
    if phase.optimizer == "adamw":
        return optax.adamw(schedule, weight_decay=phase.weight_decay)
    return optax.sgd(schedule, momentum=0.9, nesterov=True)


def make_schedule(phase: Phase, epochs: int, steps_per_epoch: int) -> optax.Schedule:
    """The learning rate as a function of the step, for a phase of at most `epochs` epochs."""
    warmup = phase.warmup_epochs * steps_per_epoch
    rest = max(epochs * steps_per_epoch - warmup, 1)
    if phase.schedule == "cosine":
        after = optax.cosine_decay_schedule(phase.learning_rate, rest)
    else:
        after = optax.constant_schedule(phase.learning_rate)
    rising = optax.linear_schedule(0.0, phase.learning_rate, warmup)
    return optax.join_schedules([rising, after], [warmup]) if warmup else after
