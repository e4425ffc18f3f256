"""A learning-rate range test (Smith 2017, "Cyclical Learning Rates for Training Neural Networks")."""

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from vitlab.data import GlobalBatch, feed
from vitlab.errors import InputError
from vitlab.models import Arrays
from vitlab.progress import Progress, score_text
from vitlab.training.loop import PhaseRun
from vitlab.training.stage import Setting, Stage

LOWEST, HIGHEST = 1e-7, 10.0
DIVERGED = 4.0  # times the lowest loss so far, both smoothed: the test is over
MEMORY = 0.9  # of the running mean that tells whether the loss diverges
WIDTH = 0.3  # decades of the rate, standard deviation of the smoothing
FEWEST = 10  # losses that can be judged
LEAST_FALL = 0.05  # of the first loss: with less, no rate has taught anything


@dataclass(frozen=True)
class RangeTest:
    """What a step with each rate began with: the objective of its batch, before the step.

    Attributes:
        rates: from LOWEST upwards, evenly in their logarithm.
        losses: of the batches.
        smoothed: their mean over neighbouring rates, weighed by a Gaussian.
        suggestion: where the smoothed loss falls most steeply by the logarithm of the rate; None if it
            does not fall.
        at_lowest: the rate at which the smoothed loss is lowest.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: float | None
    at_lowest: float


def range_test(
    stage: Stage, parameters: Arrays, statistics: Arrays, setting: Setting, steps: int
) -> RangeTest:
    """Trains the phase for up to `steps` steps, each at a higher rate than the one before.

    Images, augmentation, optimizer and what is trainable are the phase's own. It stops early where the
    loss diverges. The phase must not have begun in the folders of `setting`.

    Raises:
        InputError: as `train_phase`, or the loss is no number from the start.
    """
    growth = HIGHEST / LOWEST
    rising = dataclasses.replace(stage, schedule=lambda step: LOWEST * growth ** (step / (steps - 1)))
    run = PhaseRun(rising, parameters, statistics, setting)
    losses = _train(run, steps)
    run.checkpoints.close()
    if len(losses) < FEWEST:
        raise InputError(
            f"the loss of phase {stage.name} is no number from the start; look at the images "
            "(vitlab.dataset) and at model.weights"
        )
    rates = LOWEST * growth ** (np.arange(len(losses)) / (steps - 1))
    return judged(rates, np.array(losses))


def _train(run: PhaseRun, steps: int) -> list[float]:
    """The losses, up to those that have diverged."""
    losses: list[float] = []
    running, lowest = 0.0, math.inf
    progress = Progress(steps, "raising the rate", "steps")
    with contextlib.closing(_batches(run)) as batches:
        for batch in itertools.islice(batches, steps):
            totals = run.take(batch)
            loss = float(totals["objective"] / totals["count"])
            if not math.isfinite(loss):
                break
            losses.append(loss)
            progress.advance(1, f"loss {score_text(loss, 3)}")
            running = MEMORY * running + (1 - MEMORY) * loss
            smooth = running / (1 - MEMORY ** len(losses))
            lowest = min(lowest, smooth)
            if smooth > DIVERGED * lowest:
                break
    progress.close()
    return losses


def _batches(run: PhaseRun) -> Generator[GlobalBatch]:
    """One epoch after the other."""
    for epoch in itertools.count():
        yield from feed(run.train, run.sampler, run.setting.mesh, epoch)


def judged(rates: np.ndarray, losses: np.ndarray) -> RangeTest:
    """What the losses say of the rates. One that is twice the first ones or more counts as twice."""
    decades = np.log10(rates)
    weights = np.exp(-0.5 * ((decades[:, None] - decades) / WIDTH) ** 2)
    bounded = np.minimum(losses, 2 * np.median(losses[:FEWEST]))
    smoothed = weights @ bounded / weights.sum(axis=1)
    lowest = int(np.argmin(smoothed))
    suggestion = None
    if smoothed[0] - smoothed[lowest] > LEAST_FALL * abs(smoothed[0]):
        steepest = int(np.argmin(np.gradient(smoothed, decades)[: lowest + 1]))
        suggestion = float(f"{rates[steepest]:.2g}")
    return RangeTest(
        rates=tuple(rates.tolist()),
        losses=tuple(losses.tolist()),
        smoothed=tuple(smoothed.tolist()),
        suggestion=suggestion,
        at_lowest=float(rates[lowest]),
    )
