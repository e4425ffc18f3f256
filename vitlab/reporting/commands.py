"""The commands that made a run and that use it, as a person copies them into a shell."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Commands:
    """One line each, to be given in `folder`; empty where an older run does not say.

    Words in capitals are for the reader to replace.

    Attributes:
        train: what made the run; again, it goes on with it.
        begin_with: trains another run from its last weights.
    """

    folder: str
    train: str
    evaluate: str
    evaluate_others: str
    compare: str
    begin_with: str


def run_commands(manifest: Mapping[str, Any], workdir: Path, last_phase: str) -> Commands:
    folder = manifest.get("folder", "")
    run = str(workdir)
    evaluate = ("vitlab.evaluate", f"--workdir={run}")
    return Commands(
        folder=shlex.join(["cd", folder]) if folder else "",
        train=shlex.join(["python", *map(str, manifest["command"])]) if "command" in manifest else "",
        evaluate=_module(*evaluate),
        evaluate_others=_module(*evaluate, "--data=OTHER_IMAGES"),
        compare=_module("vitlab.compare", f"--runs={run},OTHER_RUN", "--output=COMPARISON"),
        begin_with=_module(
            "vitlab.main",
            "--config=CONFIG",
            f"--config.model.weights={workdir / 'model' / last_phase}",
            "--workdir=NEW_RUN",
        ),
    )


def _module(*words: str) -> str:
    return shlex.join(["python", "-m", *words])
