"""What a phase is given, where it is while it trains, and what it gives back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optax
from jax.sharding import Mesh

from vitlab.config import Phase
from vitlab.data import Store
from vitlab.models import Arrays, Network
from vitlab.training.early_stopping import EarlyStopping
from vitlab.training.embeddings import Embedder
from vitlab.training.history import History
from vitlab.training.profiling import Profiler


@dataclass(frozen=True)
class Setting:
    """What stays the same through all phases of a run; `profiler` only where it was asked for."""

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


def most_epochs(phase: Phase, earlier: int) -> int:
    """How many epochs a phase may take after `earlier` ones of the phases before it."""
    limits = [phase.epochs] if phase.epochs else []
    limits += [max(phase.total_epochs - earlier, 0)] if phase.total_epochs else []
    return min(limits)
