"""One phase of training, from its start or its newest checkpoint to its best weights."""

import collections
import contextlib
import dataclasses
import math
import time
from collections.abc import Container, Iterator
from typing import Any, NoReturn

import jax

from vitlab import interruption, processes, runtime
from vitlab.data import GlobalBatch, Sampler, feed, on_devices
from vitlab.errors import InputError
from vitlab.models import Arrays
from vitlab.progress import Progress, say, score_text
from vitlab.training.checkpoints import Checkpoints
from vitlab.training.early_stopping import EarlyStopping
from vitlab.training.history import described
from vitlab.training.loss import make_objective
from vitlab.training.optimizer import make_optimizer, make_schedule
from vitlab.training.stage import Position, Setting, Stage, Standing, Trained, phase_seed
from vitlab.training.step import (
    State,
    Totals,
    copied,
    first_state,
    is_finite,
    make_score,
    make_train_step,
    scores_of,
    zero_totals,
)
from vitlab.training.task import make_task
from vitlab.training.time_spent import TimeSpent
from vitlab.training.trainable import chosen_parameters

AGREE_EVERY = 16  # batches after which several processes ask each other whether to stop or to save


def train_phase(stage: Stage, parameters: Arrays, statistics: Arrays, setting: Setting) -> Trained:
    """Trains a phase to its end, from its newest checkpoint if there is one.

    Raises:
        InputError: a pattern matches no parameter, the loss is no number, or a file cannot be
            written.
    """
    return PhaseRun(stage, parameters, statistics, setting).to_the_end()


class PhaseRun:
    """The arrays and the position of a phase while it trains."""

    def __init__(self, stage: Stage, parameters: Arrays, statistics: Arrays, setting: Setting):
        self.clock = time.monotonic()
        self.time = TimeSpent()
        phase, self.name, self.setting = stage.phase, stage.name, setting
        memory = EarlyStopping(phase.patience, phase.monitor, phase.min_delta)
        self.position = Position(memory, logged=stage.earlier)
        chosen = chosen_parameters(parameters, phase, f"phases.{self.name}")
        paths = chosen.paths
        with self.time.on("preparing"):
            self.task = make_task(stage, setting, paths, parameters, statistics)
            self.train, self.val = on_devices(
                (self.task.train, self.task.val), setting.mesh, setting.device_gib
            )
        seed = phase_seed(setting.seed, stage.index)
        labels = self.train.labels[: len(self.train) // self.task.views]
        balanced = labels if phase.sampling == "balanced" else None
        self.sampler = Sampler(len(labels), setting.batch_size, seed, balanced, self.task.views)
        self.epochs = stage.most_epochs(len(self.sampler))
        self.most_steps = stage.most_steps(len(self.sampler))
        usual = make_schedule(phase, self.most_steps, len(self.sampler))
        self.schedule = stage.schedule or usual
        optimizer = make_optimizer(phase, self.schedule, chosen.rates, chosen.decays)
        self.step = make_train_step(
            setting.network,
            self.task.train_forward,
            optimizer,
            jax.random.key(seed),
            self.task.change,
            objective=make_objective(phase, labels),
            parts=phase.accumulate,
            ema=phase.ema,
            mesh=setting.mesh,
        )
        if setting.profiler:
            self.step = setting.profiler.watched(self.name, self.step)
        self.score = make_score(setting.network, self.task.score_forward)

        trainable, frozen = _divide(parameters, paths)
        moving, still = _divide(statistics, statistics if phase.batch_norm == "update" else ())
        self.frozen = {"parameters": frozen, "statistics": still}
        self.best = {"trainable": trainable, "statistics": moving}
        with self.time.on("compiling"):
            start = first_state(trainable, moving, optimizer, ema=bool(phase.ema), mesh=setting.mesh)
        self.state: State = runtime.placed(start, setting.mesh)

        self.checkpoints = Checkpoints(setting.checkpoints / self.name, setting.checkpoint_seconds)
        self.restore()
        self.steps = int(self.state["step"])  # done
        stage.check_steps_left(self.position, self.steps)
        self.spent_before = self.position.spent
        self.is_compiled = False
        # What came before the first batch, embeddings above all, is time of the phase, of no epoch.
        before = self.position.seconds
        self.account()
        self.move(epoch_start=self.position.epoch_start + self.position.seconds - before)

    def to_the_end(self) -> Trained:
        with interruption.deferred() as self.is_asked_to_stop:
            while self.position.epoch < self.epochs and not self.position.stopping.should_stop:
                self.train_epoch()
            self.save()
        self.checkpoints.close()
        self.account()
        best, position = self.best, self.position
        return Trained(
            parameters=self.frozen["parameters"] | best["trainable"],
            statistics=self.frozen["statistics"] | best["statistics"],
            best_epoch=position.stopping.best_epoch,
            epochs=position.epoch,
            steps=self.steps,
            trainable=sum(array.size for array in best["trainable"].values()),
            seconds=position.seconds,
            spent=position.spent,
            on_embeddings=self.task.on_embeddings,
        )

    # ------------------------------------------------------------------------------- one epoch

    def train_epoch(self) -> None:
        """All remaining batches of the epoch, then validation, the log, perhaps a checkpoint."""
        train, seconds_per_step = self.train_batches()
        with self.time.on("evaluating"):
            val = self.validate()
        self.account()
        epoch = self.position.epoch + 1
        stopping = self.position.stopping.after(epoch, val["accuracy"], val["loss"])
        if stopping.best_epoch == epoch:
            with self.time.on("evaluating"):
                self.best = copied(self.judged())
        line = {
            "phase": self.name,
            "epoch": epoch,
            "epoch_of_run": self.position.logged + 1,
            "train": train,
            "val": val,
            "learning_rate": float(self.schedule(self.steps - 1)),
            "best": stopping.best_epoch == epoch,
            "time": {
                "seconds": self.position.seconds - self.position.epoch_start,
                "ms_per_step": 1000 * seconds_per_step,
                "images_per_second": train["n"] / (self.position.batch * seconds_per_step),
            },
        }
        self.setting.history.append(line)
        say(described(line, self.epochs))
        self.state["totals"] = self.no_totals()
        self.move(epoch=epoch, batch=0, stopping=stopping, logged=self.position.logged + 1)
        self.move(epoch_start=self.position.seconds)
        self.tell()
        self.stop_or_save()

    def train_batches(self) -> tuple[dict[str, float], float]:
        """The scores of the epoch's training batches as they were met, and the seconds a step."""
        first, size = self.position.batch, self.setting.batch_size
        end = min(len(self.sampler), first + self.most_steps - self.steps)
        images = min(self.sampler.count, end * size)
        mesh, epoch = self.setting.mesh, self.position.epoch
        title = f"{self.name} {epoch + 1}/{self.epochs}"
        progress = Progress(images, title, "images", first * size)
        batches = feed(self.train, self.sampler, mesh, epoch, start=first, stop=end)
        started, apart, is_timed = time.monotonic(), self.time_apart(), self.is_compiled
        previous = None
        with contextlib.closing(batches), self.time.on("stepping"):
            while batch := self.next_of(batches):
                previous, earlier = self.take(batch), previous
                # One step late: a GPU or TPU has the next step already while this one is looked at.
                progress.advance(batch.count, self.look_at(earlier, self.steps - 1))
                self.tell()
                # Several processes must agree, which takes longer than a look at the clock.
                if self.position.batch < end and not (
                    processes.are_several() and self.position.batch % AGREE_EVERY
                ):
                    self.stop_or_save()
            self.look_at(previous, self.steps)
        progress.close()
        seconds = time.monotonic() - started - (self.time_apart() - apart)
        # If the only step of the epoch was the one that was compiled, there is no other to go by.
        timed = end - first - (not is_timed)
        seconds = seconds if timed else self.time.seconds["compiling"]
        totals = self.state["totals"]
        objective = {"objective": float(totals["objective"] / totals["count"])}
        return scores_of(totals) | objective, seconds / max(timed, 1)

    def tell(self) -> None:
        at = self.position
        self.setting.watch(Standing(self.name, at.epoch, self.epochs, at.batch, len(self.sampler)))

    def time_apart(self) -> float:
        """Seconds so far that a step is not slower for."""
        return self.time.seconds.get("compiling", 0.0) + self.time.seconds.get("saving", 0.0)

    def next_of(self, batches: Iterator[GlobalBatch]) -> GlobalBatch | None:
        with self.time.on("waiting"):
            return next(batches, None)

    def take(self, batch: GlobalBatch) -> Totals:
        """A step; the first one is compiled, and waited for: on CPU it has run when the call is back."""
        with self.time.on("stepping" if self.is_compiled else "compiling"):
            examples = (batch.inputs, batch.labels, batch.weights)
            self.state, totals = self.step(self.state, self.frozen, *examples)
            if not self.is_compiled:
                jax.block_until_ready(totals)
        self.is_compiled = True
        self.steps += 1
        self.move(batch=self.position.batch + 1)
        return totals

    def look_at(self, totals: Totals | None, step: int) -> str:
        """What the progress shows of a step."""
        if totals is None:
            return ""
        scores = self.sound(scores_of(totals), step)
        return f"loss {score_text(scores['loss'], 3)}, accuracy {scores['accuracy']:.3f}"

    def sound(self, scores: dict[str, float], step: int) -> dict[str, float]:
        """The scores; one that is no number ends the run."""
        if not all(map(math.isfinite, scores.values())):
            raise self.diverged(f"the loss became {scores['loss']}", step)
        return scores

    def diverged(self, what: str, step: int) -> InputError:
        where, kept = f"phases.{self.name}", self.checkpoints.newest
        epoch = (step - 1) // len(self.sampler) + 1
        return InputError(
            f"phase {self.name} went wrong: {what} in step {step} (epoch {epoch}); "
            f"lower {where}.learning_rate or set {where}.clip, and "
            + (
                f"go on from the last good checkpoint, {kept}, by --accept_changes"
                if kept
                else "start in a new workdir: there is no checkpoint before it"
            )
        )

    def validate(self) -> dict[str, float]:
        judged = self.judged()
        parameters = self.frozen["parameters"] | judged["trainable"]
        statistics = self.frozen["statistics"] | judged["statistics"]
        totals = self.no_totals()
        for batch in feed(self.val, Sampler(len(self.val), self.setting.batch_size), self.setting.mesh):
            examples = (batch.inputs, batch.labels, batch.weights)
            totals = self.score(totals, parameters, statistics, *examples)
        return self.sound(scores_of(totals), self.steps)

    def judged(self) -> dict[str, Arrays]:
        """The weights that are validated, and kept if they are the best."""
        return self.state.get("average") or {key: self.state[key] for key in self.best}

    def no_totals(self) -> Totals:
        return runtime.placed(zero_totals(), self.setting.mesh)

    # ----------------------------------------------------------------------------- checkpoints

    def restore(self) -> None:
        found = self.checkpoints.restore(lambda there: self.arrays_at(Position.from_json(there)))
        if found:
            arrays, memory = found[0], Position.from_json(found[1])
            self.state = arrays["state"]
            self.best = arrays.get("best") or copied(self.judged())
            # Their settings may have been changed since.
            stopping = dataclasses.replace(
                memory.stopping,
                patience=self.position.stopping.patience,
                min_delta=self.position.stopping.min_delta,
            )
            self.position = dataclasses.replace(memory, stopping=stopping)
            say(f"  going on with {self.name} after {self.position}")
        self.setting.history.cut(self.name, self.position.epoch)

    def save(self) -> None:
        """A checkpoint of what is sound: from one that is not, nobody could go on."""
        with self.time.on("saving"):
            if not is_finite(self.state):
                raise self.diverged("a parameter became no number", self.steps)
            self.account()
            self.checkpoints.save(self.arrays_at(self.position), dataclasses.asdict(self.position))

    def arrays_at(self, position: Position) -> dict[str, Any]:
        """What a checkpoint holds: the best weights, too, unless they are those of the state."""
        return {"state": self.state} | ({} if position.is_best else {"best": self.best})

    def stop_or_save(self) -> None:
        """Where it was asked for, or is due, in one of the processes."""
        stops, is_due = processes.any_of(self.is_asked_to_stop(), self.checkpoints.is_due())
        if stops:
            self.stop()
        if is_due:
            self.save()

    def stop(self) -> NoReturn:
        """Ends the process as it was asked to, with all that was done on the disk."""
        self.save()
        self.checkpoints.close()
        say(
            f"stopped and saved in phase {self.name} after {self.position}; run the same command again "
            "to go on"
        )
        raise SystemExit(0)

    def account(self) -> None:
        """Adds the time since the last call to the phase's."""
        now = time.monotonic()
        spent = collections.Counter(self.spent_before)
        spent.update(self.time.seconds)
        self.move(seconds=self.position.seconds + now - self.clock, spent=dict(spent))
        self.clock = now

    def move(self, **changes: Any) -> None:
        self.position = dataclasses.replace(self.position, **changes)


def _divide(arrays: Arrays, chosen: Container[str]) -> tuple[Arrays, Arrays]:
    """The chosen ones and the others."""
    return (
        {path: array for path, array in arrays.items() if path in chosen},
        {path: array for path, array in arrays.items() if path not in chosen},
    )
