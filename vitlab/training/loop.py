"""One phase of training, from its start or its newest checkpoint to its best weights."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from vitlab import runtime
from vitlab.config import Phase
from vitlab.data import Sampler, Store, feed, on_devices
from vitlab.errors import InputError
from vitlab.models import Arrays, Network
from vitlab.progress import Progress, duration, say
from vitlab.training.checkpoints import Checkpoints
from vitlab.training.early_stopping import EarlyStopping
from vitlab.training.embeddings import Embedder
from vitlab.training.history import History
from vitlab.training.optimizer import make_optimizer, make_schedule
from vitlab.training.step import State, Totals, first_state, make_score, make_train_step, zero_totals
from vitlab.training.task import make_task
from vitlab.training.trainable import trainable_paths


@dataclass(frozen=True)
class Setting:
    """What stays the same through all phases of a run."""

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


@dataclass(frozen=True)
class Trained:
    """The best weights of a phase, and how it went. Epochs count from 1; 0 is the start."""

    parameters: Arrays
    statistics: Arrays
    best_epoch: int
    epochs: int
    steps: int
    trainable: int
    seconds: float
    compile_seconds: float
    on_embeddings: bool


@dataclass(frozen=True)
class Position:
    """Where a phase is; with the arrays, all that going on needs. It is the JSON of a checkpoint."""

    stopping: EarlyStopping
    logged: int  # lines of the history, those of earlier phases included
    epoch: int = 0  # finished epochs
    batch: int = 0  # finished batches of the epoch after
    seconds: float = 0.0
    compile_seconds: float = 0.0
    epoch_start: float = 0.0  # in seconds of the phase

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Position":
        return cls(**{**values, "stopping": EarlyStopping(**values["stopping"])})


@dataclass(frozen=True)
class Stage:
    """A phase, its name, its place in the run, and the epochs that the phases before it took."""

    name: str
    phase: Phase
    index: int
    earlier: int


def train_phase(stage: Stage, parameters: Arrays, statistics: Arrays, setting: Setting) -> Trained:
    """Trains a phase to its end, from its newest checkpoint if there is one.

    Raises:
        InputError: a pattern matches no parameter, the loss is no number, or a file cannot be
            written.
    """
    return _PhaseRun(stage, parameters, statistics, setting).to_the_end()


class _PhaseRun:
    """The arrays and the position of a phase while it trains."""

    def __init__(self, stage: Stage, parameters: Arrays, statistics: Arrays, setting: Setting):
        self.clock = time.monotonic()
        phase = stage.phase
        self.name, self.setting = stage.name, setting
        self.position = Position(EarlyStopping(phase.patience), logged=stage.earlier)
        self.epochs = most_epochs(phase, stage.earlier)
        chosen = trainable_paths(parameters, phase.trainable, f"phases.{self.name}.trainable")
        self.task = make_task(
            phase, chosen, setting.network, parameters, statistics, setting.stores, setting.embedder
        )
        self.train, self.val = on_devices(
            (self.task.train, self.task.val), setting.mesh, setting.device_gib
        )
        seed = _phase_seed(setting.seed, stage.index)
        self.sampler = Sampler(len(self.train), setting.batch_size, seed)
        self.schedule = make_schedule(phase, self.epochs, len(self.sampler))
        optimizer = make_optimizer(phase, self.schedule)
        self.step = make_train_step(
            self.task.train_forward, optimizer, jax.random.key(seed), self.task.change
        )
        self.score = make_score(self.task.score_forward)

        trainable, frozen = _divide(parameters, chosen)
        moving, still = _divide(statistics, statistics if phase.batch_norm == "update" else ())
        self.frozen = {"parameters": frozen, "statistics": still}
        self.best = {"trainable": trainable, "statistics": moving}
        start = first_state(trainable, moving, optimizer)
        self.state: State = jax.device_put(start, runtime.replicated(setting.mesh))

        self.checkpoints = Checkpoints(setting.checkpoints / self.name, setting.checkpoint_seconds)
        self.restore()
        self.is_compiled = False
        # What came before the first batch, embeddings above all, is time of the phase, of no epoch.
        before = self.position.seconds
        self.account()
        self.move(epoch_start=self.position.epoch_start + self.position.seconds - before)

    def to_the_end(self) -> Trained:
        while self.position.epoch < self.epochs and not self.position.stopping.should_stop:
            self.train_epoch()
        self.save()
        self.checkpoints.close()
        best, position = self.best, self.position
        return Trained(
            parameters=self.frozen["parameters"] | best["trainable"],
            statistics=self.frozen["statistics"] | best["statistics"],
            best_epoch=position.stopping.best_epoch,
            epochs=position.epoch,
            steps=position.epoch * len(self.sampler),
            trainable=sum(array.size for array in best["trainable"].values()),
            seconds=position.seconds,
            compile_seconds=position.compile_seconds,
            on_embeddings=self.task.on_embeddings,
        )

    # ------------------------------------------------------------------------------- one epoch

    def train_epoch(self) -> None:
        """All remaining batches of the epoch, then validation, the log, perhaps a checkpoint."""
        train, seconds_per_step = self.train_batches()
        val = self.validate()
        self.account()
        epoch = self.position.epoch + 1
        stopping = self.position.stopping.after(epoch, val["accuracy"], val["loss"])
        if stopping.best_epoch == epoch:
            self.best = _copied({key: self.state[key] for key in self.best})
        line = {
            "phase": self.name,
            "epoch": epoch,
            "epoch_of_run": self.position.logged + 1,
            "train": train,
            "val": val,
            "learning_rate": float(self.schedule(epoch * len(self.sampler) - 1)),
            "best": stopping.best_epoch == epoch,
            "time": {
                "seconds": self.position.seconds - self.position.epoch_start,
                "ms_per_step": 1000 * seconds_per_step,
                "images_per_second": self.sampler.count / (len(self.sampler) * seconds_per_step),
            },
        }
        self.setting.history.append(line)
        say(_describe(line, self.epochs))
        self.state["totals"] = self.no_totals()
        self.move(epoch=epoch, batch=0, stopping=stopping, logged=self.position.logged + 1)
        self.move(epoch_start=self.position.seconds)
        if self.checkpoints.is_due():
            self.save()

    def train_batches(self) -> tuple[dict[str, float], float]:
        """The scores of the epoch's training batches as they were met, and the seconds a step."""
        first, size = self.position.batch, self.setting.batch_size
        title = f"{self.name} {self.position.epoch + 1}/{self.epochs}"
        progress = Progress(self.sampler.count, title, "images", first * size)
        batches = feed(self.train, self.sampler, self.setting.mesh, self.position.epoch, start=first)
        started, compiling, previous = time.monotonic(), 0.0, None
        with contextlib.closing(batches):
            for batch in batches:
                called = time.monotonic()
                self.state, totals = self.step(
                    self.state, self.frozen, batch.inputs, batch.labels, batch.weights
                )
                if not self.is_compiled:
                    self.is_compiled, compiling = True, time.monotonic() - called
                self.move(batch=self.position.batch + 1)
                # One step late: the device has the next step already while this one is looked at.
                progress.advance(batch.count, self.look_at(previous))
                previous = totals
                if self.position.batch < len(self.sampler) and self.checkpoints.is_due():
                    self.save()
        self.look_at(previous)
        progress.close()
        steps = len(self.sampler) - first
        seconds = time.monotonic() - started - compiling
        self.move(compile_seconds=self.position.compile_seconds + compiling)
        return _scores(self.state["totals"]), seconds / steps

    def look_at(self, totals: Totals | None) -> str:
        """What the progress shows of a step."""
        if totals is None:
            return ""
        scores = self.sound(_scores(totals))
        return f"loss {scores['loss']:.3f}, accuracy {scores['accuracy']:.3f}"

    def sound(self, scores: dict[str, float]) -> dict[str, float]:
        """The scores; a loss that is no number ends the run."""
        if not math.isfinite(scores["loss"]):
            raise InputError(
                f"the loss of phase {self.name} became {scores['loss']} in epoch "
                f"{self.position.epoch + 1}; lower phases.{self.name}.learning_rate and start in "
                "a new workdir"
            )
        return scores

    def validate(self) -> dict[str, float]:
        parameters = self.frozen["parameters"] | self.state["trainable"]
        statistics = self.frozen["statistics"] | self.state["statistics"]
        totals = self.no_totals()
        sampler = Sampler(len(self.val), self.setting.batch_size)
        for batch in feed(self.val, sampler, self.setting.mesh):
            totals = self.score(
                totals, parameters, statistics, batch.inputs, batch.labels, batch.weights
            )
        return self.sound(_scores(totals))

    def no_totals(self) -> Totals:
        return jax.device_put(zero_totals(), runtime.replicated(self.setting.mesh))

    # ----------------------------------------------------------------------------- checkpoints

    def restore(self) -> None:
        found = self.checkpoints.restore({"state": self.state, "best": self.best})
        if found:
            arrays, position = found
            self.state, self.best = arrays["state"], arrays["best"]
            self.position = Position.from_json(position)
            say(
                f"  going on with {self.name} after {self.position.epoch} epochs "
                f"and {self.position.batch} batches"
            )
        self.setting.history.cut(self.name, self.position.epoch)

    def save(self) -> None:
        self.account()
        position = dataclasses.asdict(self.position)
        self.checkpoints.save({"state": self.state, "best": self.best}, position)

    def account(self) -> None:
        """Adds the time since the last call to the phase's."""
        now = time.monotonic()
        self.move(seconds=self.position.seconds + now - self.clock)
        self.clock = now

    def move(self, **changes: Any) -> None:
        self.position = dataclasses.replace(self.position, **changes)


def most_epochs(phase: Phase, earlier: int) -> int:
    """How many epochs a phase may take after `earlier` ones of the phases before it."""
    limits = [phase.epochs] if phase.epochs else []
    limits += [max(phase.total_epochs - earlier, 0)] if phase.total_epochs else []
    return min(limits)


def _phase_seed(seed: int, index: int) -> int:
    """31 bits that differ from phase to phase, from the config's seed alone."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0]) >> 1


def _divide(arrays: Arrays, chosen: Container[str]) -> tuple[Arrays, Arrays]:
    """The chosen ones and the others."""
    return (
        {path: array for path, array in arrays.items() if path in chosen},
        {path: array for path, array in arrays.items() if path not in chosen},
    )


@jax.jit
def _copied(tree: Any) -> Any:
    """A step takes the memory of its arguments, so what must outlive it is copied.

    Compiled as a whole: copying array by array would compile a program for every shape.
    """
    return jax.tree.map(jnp.copy, tree)


def _scores(totals: Totals) -> dict[str, float]:
    values = {name: float(value) for name, value in jax.device_get(totals).items()}
    count = values["count"]
    return {
        "n": int(count),
        "loss": values["loss"] / count,
        "accuracy": values["correct"] / count,
    }


def _describe(line: dict[str, Any], epochs: int) -> str:
    train, val, spent = line["train"], line["val"], line["time"]
    return (
        f"  epoch {line['epoch']:>{len(str(epochs))}}/{epochs}"
        f"  train loss {train['loss']:.4f} accuracy {train['accuracy']:.4f}"
        f"  val loss {val['loss']:.4f} accuracy {val['accuracy']:.4f}"
        f"  {duration(spent['seconds'])}, {spent['ms_per_step']:.3g} ms/step,"
        f" {spent['images_per_second']:.0f} images/s"
        f"{'  best so far' if line['best'] else ''}"
    )
