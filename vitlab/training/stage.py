"""What a phase is given, where it is while it trains, and what it gives back."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optax
from jax.sharding import Mesh

from vitlab.config import Phase
from vitlab.data import Store
from vitlab.errors import InputError
from vitlab.models import Arrays, Network
from vitlab.training.early_stopping import EarlyStopping
from vitlab.training.embeddings import Embedder
from vitlab.training.history import History
from vitlab.training.profiling import Profiler


@dataclass(frozen=True)
class Standing:
    """Where a phase is while it trains: finished epochs, of at most so many, and batches of the next."""

    phase: str
    epoch: int
    epochs: int
    batch: int
    batches: int


def _nobody(_: Standing) -> None:
    pass


@dataclass(frozen=True)
class Setting:
    """What stays the same through all phases of a run; `profiler` only where it was asked for.

    `watch` is told after each batch and each epoch, so it must be quick.
    """

    network: Network
    embedder: Embedder
    stores: dict[str, Store]
    mesh: Mesh
    seed: int
    batch_size: int
    device_gib: float
    checkpoint_seconds: float
    checkpoints: Path
    history: History
    profiler: Profiler | None = None
    watch: Callable[[Standing], None] = _nobody


@dataclass(frozen=True)
class Trained:
    """The best weights of a phase, and how it went. Epochs count from 1; 0 is the start.

    `spent` are seconds by activity (`TimeSpent`).
    """

    parameters: Arrays
    statistics: Arrays
    best_epoch: int
    epochs: int
    steps: int
    trainable: int
    seconds: float
    spent: dict[str, float]
    on_embeddings: bool


@dataclass(frozen=True)
class Position:
    """Where a phase is; with the arrays, all that going on needs. It is the JSON of a checkpoint."""

    stopping: EarlyStopping
    logged: int  # lines of the history, those of earlier phases included
    epoch: int = 0  # finished epochs
    batch: int = 0  # finished batches of the epoch after
    seconds: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)  # seconds by activity
    epoch_start: float = 0.0  # in seconds of the phase

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Position":
        return cls(**{**values, "stopping": EarlyStopping(**values["stopping"])})

    def __str__(self) -> str:
        epochs, batches = (
            f"{count} {one}" if count == 1 else f"{count} {more}"
            for count, one, more in ((self.epoch, "epoch", "epochs"), (self.batch, "batch", "batches"))
        )
        return f"{epochs} and {batches}"

    @property
    def is_best(self) -> bool:
        """Whether the weights there, as they were validated, are the best so far."""
        return self.batch == 0 and self.epoch == self.stopping.best_epoch


@dataclass(frozen=True)
class Stage:
    """A phase, its name, its place in the run, and the epochs that the phases before it took.

    `schedule`, where there is one, is taken in the place of the phase's own.
    """

    name: str
    phase: Phase
    index: int
    earlier: int
    schedule: optax.Schedule | None = None

    def most_epochs(self, steps_per_epoch: int) -> int:
        """The last one is cut short where the phase's steps end in the middle of it."""
        phase = self.phase
        limits = [phase.epochs] if phase.epochs else []
        limits += [max(phase.total_epochs - self.earlier, 0)] if phase.total_epochs else []
        limits += [math.ceil(phase.steps / steps_per_epoch)] if phase.steps else []
        return min(limits)

    def most_steps(self, steps_per_epoch: int) -> int:
        steps = self.most_epochs(steps_per_epoch) * steps_per_epoch
        return min(self.phase.steps, steps) if self.phase.steps else steps

    def check_steps_left(self, position: Position, done: int) -> None:
        """Of a phase that goes on in the middle of an epoch, with a config that may have changed.

        Raises:
            InputError: its steps are over; what this epoch has learned was never validated, and would
                be lost.
        """
        if position.batch and 0 < self.phase.steps <= done:
            raise InputError(
                f"phases.{self.name}.steps is {self.phase.steps}, but {done} are done, and the epoch of "
                f"the last {position.batch} is not validated yet; set it to {done + 1} or more"
            )


def phase_seed(seed: int, index: int) -> int:
    """31 bits that differ from phase to phase, from the config's seed alone."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0]) >> 1
