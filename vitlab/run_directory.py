"""The run directory: all that passes between training, evaluation, comparison and the rest."""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vitlab import files, processes, records
from vitlab.circumstances import version_text, versions
from vitlab.config import Config, differences, from_json, to_json
from vitlab.errors import InputError

# What may change in a phase that has begun; no array of its checkpoint depends on it.
OPEN_IN_A_PHASE = frozenset(
    {
        *("learning_rate", "rates", "layer_decay", "weight_decay", "decays", "clip"),
        *("schedule", "step_epochs", "step_factor", "warmup_epochs", "warmup_steps"),
        *("epochs", "steps", "total_epochs", "min_delta", "patience", "rematerialise"),
    }
)


class RunDirectory:
    """The names of what lies in a run directory, and its small files.

    Where several processes do one job, the first writes, and the others' calls of `begin` and `record`
    leave no trace. `manifest` is what ran and on what; every stage adds to it and writes it.
    """

    def __init__(self, path: Path):
        self.path = path
        self.manifest: dict[str, Any] = {}
        self._changes: list[str] = []  # of the config, accepted and not yet written down

    # ------------------------------------------------------------------------------ what lies where

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def split(self) -> Path:
        return self.path / "split.csv"

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def analysis(self) -> Path:
        """Where the last model errs, and what changed between the phases; older runs lack it."""
        return self.path / "analysis.json"

    @property
    def network(self) -> Path:
        """The layers of the network, and what an answer costs."""
        return self.path / "network.json"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def profile(self) -> Path:
        return self.path / "profile"

    @property
    def model_card(self) -> Path:
        """Of the last phase's model, in Markdown; older runs lack it."""
        return self.path / "model_card.md"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def model(self, phase: str) -> Path:
        return self.path / "model" / phase

    def predictions(self, phase: str, part: str) -> Path:
        return self.path / "predictions" / phase / f"{part}.npz"

    # ------------------------------------------------------------------------------ opening

    @contextlib.contextmanager
    def claimed(self, chosen: Config, *, accept_changes: bool = False) -> Iterator[bool]:
        """Holds the folder for a run of `chosen`, new or to be gone on with; True if it is finished.

        A folder that was made for a run that never began is taken away again.

        Raises:
            InputError: it holds the run of another config (every differing key is named) or
                something else, another process works in it, or it cannot be written.
        """
        is_new = not self.path.exists()
        lock = self._lock()
        try:
            is_finished = self._is_finished(chosen, accept_changes)
            if not is_finished:
                files.sweep(self.path)  # of an earlier process, if it was killed
            yield is_finished
        finally:
            if is_new and not any(self.path.iterdir()):
                self.path.rmdir()
            os.close(lock)

    def begin(self, chosen: Config) -> None:
        """Makes the claimed folder a run of `chosen`, once all that was given is known to be sound."""
        if self._changes:
            earlier = self.manifest.get("changes", [])
            self.record(changes=[*earlier, *self._changes], finished=False)
        if processes.is_first() and (self._changes or not self.config.exists()):
            files.write_json(self.config, to_json(chosen))

    def open_finished(self) -> Config:
        """The config of a run that has come to its end, and has all its pieces.

        Raises:
            InputError: there is no run, it is not finished, or a piece of it is gone.
        """
        chosen = self.read_finished()
        gone = [piece for piece in self._gone(chosen) if piece != self.model_card]
        if gone:
            raise InputError(f"{gone[0]} is gone; run the training again, and it is made again")
        return chosen

    def read_finished(self, flag: str = "--workdir") -> Config:
        """The config of a run that has come to its end, of which a piece may be gone.

        Raises:
            InputError: there is no run, it is not finished, or its config is not understood.
        """
        if not self.config.is_file():
            raise InputError(f"{self.path} holds no run: no {self.config.name} is in it ({flag})")
        self._read_manifest()
        if not self.manifest.get("finished"):
            raise InputError(f"the run in {self.path} is not finished; run its training again first")
        return self._read_config()

    def _read_config(self) -> Config:
        """What an older vitlab could not say has its default; a later one may say what is unknown."""
        values = read_json(self.config)
        try:
            return from_json(values)
        except InputError as error:
            made_by, read_by = version_text(self.manifest), version_text(versions())
            raise InputError(
                f"{self.config}: {error}; {made_by} made this run, and {read_by} reads it: take the "
                "vitlab that made it, or, if the file was changed by hand, put it back"
            ) from error

    def _lock(self) -> int:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.access(self.path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except BlockingIOError as error:
            raise InputError(f"another process works in {self.path}; wait for it, or stop it") from error
        except OSError as error:
            raise files.write_error(self.path, error) from error
        return handle

    def _is_finished(self, chosen: Config, accept_changes: bool) -> bool:
        if not self.config.exists():
            others = sorted(
                entry.name for entry in self.path.iterdir() if not files.is_unfinished(entry)
            )
            if others:
                raise InputError(
                    f"{self.path} holds no run, but other files ({others[0]}); choose a new --workdir"
                )
            return False
        self._read_manifest()
        before = self._read_config()
        self._changes = differences(_as_json(before), _as_json(chosen))
        refused = [
            change
            for change in self._changes
            if not _is_of_the_report(change) and not (accept_changes and self._is_open(change))
        ]
        if refused and accept_changes:
            raise InputError(
                f"{self.path} has gone too far for a change of {'; '.join(refused)}; "
                "choose another --workdir"
            )
        if refused:
            raise InputError(
                f"{self.path} holds the run of another config ({'; '.join(refused)}); choose another "
                "--workdir, give the config that it has, or go on with the new one by --accept_changes"
            )
        if self._changes:
            return False
        return bool(self.manifest.get("finished")) and not self._gone(chosen)

    def _is_open(self, change: str) -> bool:
        """Whether the run can go on with a change of its config, as `differences` describes it.

        What a phase says is open until it begins, and then what tells it how fast and how long; phases
        may come after the others.
        """
        key = change.partition(":")[0]
        if key in ("checkpoint_seconds", "fsdp"):
            return True
        if not key.startswith("phases."):
            return False
        _, phase, *rest = key.split(".")
        if self.model(phase).exists():
            return False
        if not (self.checkpoints / phase).exists():
            return not change.endswith("now None")
        return rest[-1:] != [] and rest[-1] in OPEN_IN_A_PHASE

    def _gone(self, chosen: Config) -> list[Path]:
        """What a finished run has, and this one has lost."""
        if not self.metrics.exists():
            return [self.metrics]
        pieces = [self.split, self.network, self.figures, self.report, self.model_card]
        pieces += [self.model(phase) for phase in chosen.phases]
        for phase, parts in self._read_metrics(chosen).items():
            pieces += [self.predictions(phase, part) for part in parts]
        return [piece for piece in pieces if not piece.exists()]

    def _read_metrics(self, chosen: Config) -> Any:
        metrics, way_out = read_json(self.metrics), "take it away, and run the training again"
        shape = dict[str, records.PhaseMetrics]
        records.refuse_other(shape, metrics, self.metrics, "it", way_out)
        for phase in chosen.phases:
            if phase not in metrics:
                raise InputError(f"{self.metrics} has no figures of phase {phase}; {way_out}")
        return metrics

    def _read_manifest(self) -> None:
        path = self.path / "manifest.json"
        self.manifest = read_json(path) if path.exists() else {}
        records.refuse_other(records.Manifest, self.manifest, path, "it", "train the run again")

    # ------------------------------------------------------------------------------ contents

    def record(self, **facts: Any) -> None:
        """Adds facts to the manifest and writes it."""
        self.manifest.update(facts)
        if processes.is_first():
            files.write_json(self.path / "manifest.json", self.manifest)

    def conclusion(self) -> str:
        """The line that a finished run ends with: how good the last model is, and where to read on."""
        phase, parts = list(read_json(self.metrics).items())[-1]
        test = parts["test"]
        low, high = test["accuracy_interval"]
        return (
            f"test accuracy {test['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f}, "
            f"n = {test['n']}) after phase {phase}; report: {self.report}"
        )


def _is_of_the_report(change: str) -> bool:
    """What the report shows may always change: no training, and no figure of ours, depends on it."""
    return change.startswith("report.")


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _as_json(config: Config) -> Any:
    return json.loads(json.dumps(to_json(config)))
