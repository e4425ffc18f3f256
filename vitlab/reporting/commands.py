"""The commands that made a run and that use it, as a person copies them into a shell."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What figures depend on beside the command and the folder, which are shown by themselves.
CIRCUMSTANCES = (
    *("vitlab", "git_commit", "python", "packages"),
    *("system", "processor", "cores", "devices"),
)


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


def made_by(circumstances: Mapping[str, Any]) -> tuple[str, str]:
    """The folder to go to and the command that was given there; "" where an older vitlab did not say."""
    folder = circumstances.get("folder", "")
    return (
        shlex.join(["cd", folder]) if folder else "",
        shlex.join(["python", *map(str, circumstances["command"])])
        if "command" in circumstances
        else "",
    )


def circumstances_text(facts: Mapping[str, Any]) -> str:
    return json.dumps({name: facts[name] for name in CIRCUMSTANCES if name in facts}, indent=2)


def run_commands(manifest: Mapping[str, Any], workdir: Path, last_phase: str) -> Commands:
    folder, train = made_by(manifest)
    run = str(workdir)
    evaluate = ("vitlab.evaluate", f"--workdir={run}")
    return Commands(
        folder=folder,
        train=train,
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
