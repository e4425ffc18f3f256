"""`report.html` while a run is under way: what is known so far, until the report takes its place."""

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from markupsafe import Markup

from vitlab import files, processes
from vitlab.config import Config
from vitlab.errors import InputError
from vitlab.language import Message, language_of
from vitlab.progress import warn
from vitlab.reporting.commands import run_commands
from vitlab.reporting.devices import run_devices
from vitlab.reporting.drawings import curves_chart, with_finite_figures
from vitlab.reporting.page import render
from vitlab.reporting.tables import Column, Table
from vitlab.run_directory import RunDirectory
from vitlab.training import History, Standing

EVERY_SECONDS = 10.0  # a page is this old at most, while batches go on
SHARE_OF_TIME = 100  # a page may be written once the last one took at most 1/100 of the time since
LAST_EPOCHS = 10  # of the phase, by which the time left is reckoned, and which are shown one by one

# What the run does, or how it ended: by SIGTERM or Ctrl-C, by bad input, or by a bug.
Running = Literal["preparing", "training", "evaluating"]
Ended = Literal["stopped", "refused", "failed"]
RUNNING = get_args(Running)


@dataclass(frozen=True)
class State:
    """`message` is of an error that ended the run; `phase` is the one under way, if one is."""

    activity: Running | Ended
    phase: str = ""
    standing: Standing | None = None
    message: str = ""


class LivePage:
    """The page is written by the first process alone, now and then as the run goes on.

    A page that cannot be written is said once, and ends no run. Without `is_shown` there is none.
    """

    def __init__(self, run: RunDirectory, config: Config, history: History, *, is_shown: bool):
        self._run, self._config, self._history = run, config, history
        self._is_shown = is_shown and processes.is_first()
        self._state = State("preparing")
        self._due = 0.0
        self._has_complained = False

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Within it the run goes on; where an error or a signal leaves it, the page says so."""
        try:
            yield
        except BaseException as error:
            activity, message = _ending(error)
            self._show(State(activity, self._state.phase, self._state.standing, message))
            raise

    def begin(self, phase: str) -> None:
        """A phase is about to be trained, or to go on; its first batch is then shown at once."""
        self._show(State("preparing", phase))
        self._due = 0.0

    def watch(self, standing: Standing) -> None:
        """Called after each batch and each epoch, it writes when it is time to."""
        if time.monotonic() >= self._due:
            self._show(State("training", standing.phase, standing))
        else:
            self._state = State("training", standing.phase, standing)

    def evaluate(self, phase: str = "") -> None:
        """A phase is trained, and its model is about to answer all images; without a name, all are."""
        self._show(State("evaluating", phase))

    def _show(self, state: State) -> None:
        self._state = state
        if not self._is_shown:
            return
        started = time.monotonic()
        try:
            files.write_text(self._run.report, live_page(self._run, self._config, self._history, state))
        except InputError as error:
            if not self._has_complained:
                warn(f"{error}; the run goes on without its live view")
            self._has_complained = True
        now = time.monotonic()
        self._due = now + max(EVERY_SECONDS, SHARE_OF_TIME * (now - started))


def _ending(error: BaseException) -> tuple[Ended, str]:
    """What kind of end it is, and what there is to say about it."""
    if isinstance(error, InputError):
        return "refused", str(error)
    if isinstance(error, Exception) and not isinstance(error, BrokenPipeError):
        return "failed", f"{type(error).__name__}: {error}"
    return "stopped", ""  # by a signal, or as nobody reads the output any longer


def live_page(run: RunDirectory, config: Config, history: History, state: State) -> str:
    lines = history.lines
    drawn = with_finite_figures(lines)
    best = {line["phase"]: line["epoch"] for line in lines if line["best"]}
    language, now = language_of(config.report.language), datetime.now().astimezone()
    return render(
        "live.html",
        language,
        state=state,
        is_running=state.activity in RUNNING,
        refresh=int(EVERY_SECONDS),
        workdir=run.path.resolve().name,
        day=now.strftime(language.day),
        time=now.strftime("%H:%M:%S %Z"),
        phases=Table("phases", _PHASES, _phases(run, config, lines, state)),
        epochs=Table("epochs", _EPOCHS, _epochs(lines, state.phase)),
        curves=[
            Markup(curves_chart(drawn, best, metric, title, language))
            for metric, title in (
                ("accuracy", Message("accuracy by epoch")),
                ("loss", Message("loss by epoch")),
            )
            if drawn
        ],
        has_later_phase=len({line["phase"] for line in lines}) > 1,
        progress=_progress(state.standing),
        seconds_left=_seconds_left(lines, state.standing),
        commands=run_commands(run.manifest, run.path, list(config.phases)[-1]),
        manifest=run.manifest,
        run_devices=run_devices(run.manifest),
    )


def _progress(standing: Standing | None) -> float | None:
    """The share of the phase's epochs that are done; it may stop earlier."""
    if standing is None or not standing.epochs:
        return None
    return min(1.0, (standing.epoch + standing.batch / standing.batches) / standing.epochs)


def _seconds_left(lines: list[dict[str, Any]], standing: Standing | None) -> float | None:
    """Of the phase, if it goes on for all its epochs; None before the end of its first epoch."""
    if standing is None:
        return None
    taken = [line["time"]["seconds"] for line in lines if line["phase"] == standing.phase]
    if not taken:
        return None
    left = standing.epochs - standing.epoch - standing.batch / standing.batches
    return max(0.0, left) * statistics.median(taken[-LAST_EPOCHS:])


def _phases(
    run: RunDirectory, config: Config, lines: list[dict[str, Any]], state: State
) -> list[dict[str, Any]]:
    rows = []
    for name in config.phases:
        own = [line for line in lines if line["phase"] == name]
        best: Mapping[str, Any] = next((line for line in reversed(own) if line["best"]), {})
        rows.append(
            {
                "phase": name,
                "state": _state_of(name, run, state),
                "epochs": len(own),
                "best_epoch": best.get("epoch"),
                "val_accuracy": best["val"]["accuracy"] if best else None,
                "val_loss": best["val"]["loss"] if best else None,
                "seconds": sum(line["time"]["seconds"] for line in own) if own else None,
            }
        )
    return rows


def _state_of(phase: str, run: RunDirectory, state: State) -> Message:
    if run.model(phase).exists():
        return Message("finished")
    if phase != state.phase:
        return Message("to come")
    return Message("under way") if state.activity in RUNNING else Message("not finished")


def _epochs(lines: list[dict[str, Any]], phase: str) -> list[dict[str, Any]]:
    """The last ones of the phase, the newest first."""
    own = [line for line in lines if line["phase"] == phase][-LAST_EPOCHS:]
    return [
        {
            "epoch": line["epoch"],
            **{
                f"{part}_{key}": line[part][key]
                for part in ("train", "val")
                for key in ("accuracy", "loss")
            },
            "seconds": line["time"]["seconds"],
            "ms_per_step": line["time"]["ms_per_step"],
            "images_per_second": round(line["time"]["images_per_second"]),
            "learning_rate": line["learning_rate"],
        }
        for line in reversed(own)
    ]


_PHASES = (
    Column("phase", "phase"),
    Column("state", "state"),
    Column("epochs", "epochs", "count"),
    Column("best_epoch", "best epoch", "count"),
    Column("val_accuracy", "val accuracy", "percent"),
    Column("val_loss", "val loss", "number"),
    Column("seconds", "time", "seconds"),
)
_EPOCHS = (
    Column("epoch", "epoch", "count"),
    Column("train_accuracy", "train accuracy", "percent"),
    Column("val_accuracy", "val accuracy", "percent"),
    Column("train_loss", "train loss", "number"),
    Column("val_loss", "val loss", "number"),
    Column("learning_rate", "learning rate", "short"),
    Column("seconds", "time", "seconds"),
    Column("ms_per_step", "ms a step", "short"),
    Column("images_per_second", "images/s", "count"),
)
