"""Trains, evaluates and reports what a config describes.

    python -m vitlab.main --config=FILE[:ARGUMENT] --workdir=DIR [--config.KEY=VALUE ...]

Run the same command again, and it goes on where it was, or says that it is finished. With another
config it goes on only by --accept_changes. On several machines, the same command runs on each: those of
a TPU pod and the tasks of a SLURM step find each other; others need --coordinator, --processes and
--process.
"""

import dataclasses
import importlib.util
import os
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from vitlab import command, place, processes
from vitlab.config import Config
from vitlab.errors import InputError
from vitlab.progress import say
from vitlab.run_directory import RunDirectory

with command.defining_config():
    _CONFIG = config_flags.DEFINE_config_file(
        "config", None, "The config file, such as configs/transfer.py:vit_ti16.", lock_config=True
    )
_WORKDIR = flags.DEFINE_string("workdir", None, "The run directory: new, or of this same config.")
_ACCEPT = flags.DEFINE_bool(
    "accept_changes",
    False,
    "Go on with a run although the config has changed, where that can be: phases that have not begun, "
    "the rates and the length of one that has.",
)
_COORDINATOR = flags.DEFINE_string(
    "coordinator", "", "HOST:PORT at which the processes of one job meet, on the machine of the first."
)
_PROCESSES = flags.DEFINE_integer("processes", 0, "How many processes do this job together.")
_PROCESS = flags.DEFINE_integer("process", -1, "Which of them this is, from 0.")
_TENSORBOARD = flags.DEFINE_bool(
    "tensorboard", False, "Write the epochs into WORKDIR/tensorboard as well (vitlab[tensorboard])."
)
_PROFILE = flags.DEFINE_integer(
    "profile",
    0,
    "Trace so many steps of each phase by JAX's profiler, into WORKDIR/profile.",
    lower_bound=0,
    upper_bound=1000,
)


def main() -> None:
    config, workdir = _from_flags()
    processes.join(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)
    run = RunDirectory(workdir)
    claimed = run.claimed(config, accept_changes=_ACCEPT.value)
    with processes.entered_by_first(claimed, workdir) as finished:
        if finished:
            say(f"finished already: {run.conclusion()}")
            return
        # Only now: JAX takes its time, and a wrong flag should be answered at once.
        from vitlab import runtime

        runtime.start()
        from vitlab.job import run_job

        run_job(config, run, tensorboard=_TENSORBOARD.value, profile=_PROFILE.value)


def _from_flags() -> tuple[Config, Path]:
    config = command.given_config(_CONFIG.value, "configs/digits.py")
    if not _WORKDIR.value:
        raise InputError("give a folder for the run with --workdir=DIR, such as --workdir=runs/mine")
    if _TENSORBOARD.value and importlib.util.find_spec("tensorboard") is None:
        raise InputError("--tensorboard needs a package more: pip install vitlab[tensorboard]")
    return _independent_of_here(config), Path(_WORKDIR.value)


def _independent_of_here(config: Config) -> Config:
    """The same config from whatever folder the command is given: its paths are absolute."""
    dataset, split, model = config.dataset, config.split, config.model
    dataset = dataclasses.replace(dataset, path=place.independent_of_here(dataset.path))
    if dataset.path.startswith(place.PREPARED) and dataset.images:
        dataset = dataclasses.replace(dataset, images=os.path.abspath(dataset.images))
    if split.file:
        split = dataclasses.replace(split, file=os.path.abspath(split.file))
    if os.path.exists(model.weights):
        model = dataclasses.replace(model, weights=os.path.abspath(model.weights))
    return dataclasses.replace(config, dataset=dataset, split=split, model=model)


if __name__ == "__main__":
    command.run(main)
