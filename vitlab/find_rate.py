"""Looks for the learning rate of a phase, before a run.

    python -m vitlab.find_rate --config=FILE[:ARGUMENT] --output=DIR [--phase=NAME] [--steps=N]
        [--config.KEY=VALUE ...]

Trains the phase for some steps, each at a higher rate than the one before, and draws the loss by the
rate (Smith 2017): DIR/rates.svg, DIR/rates.csv. Nothing of what was trained is kept.
"""

from pathlib import Path

from absl import flags
from ml_collections import config_flags

from vitlab import command, files
from vitlab.errors import InputError

with command.defining_config():
    _CONFIG = config_flags.DEFINE_config_file(
        "config", None, "The config file, such as configs/transfer.py:vit_ti16.", lock_config=True
    )
_OUTPUT = flags.DEFINE_string("output", None, "A folder for the figure and the table.")
_PHASE = flags.DEFINE_string("phase", None, "Whose rate; the first phase's if not given.")
_STEPS = flags.DEFINE_integer(
    "steps", 100, "How many rates, from 1e-7 to 10.", lower_bound=20, upper_bound=10_000
)


def main() -> None:
    config = command.given_config(_CONFIG.value, "configs/digits.py")
    if not _OUTPUT.value:
        raise InputError("give a folder for the figure with --output=DIR, such as --output=reports/rate")
    phase = _PHASE.value or next(iter(config.phases))
    if phase not in config.phases:
        raise InputError(
            f"the config has no phase {phase!r} (--phase); it has {', '.join(config.phases)}"
        )
    output = Path(_OUTPUT.value)
    files.check_writable(output / "rates.csv")

    from vitlab import runtime

    runtime.start()
    from vitlab.find_rate_job import find_rate

    find_rate(config, phase, _STEPS.value, output)


if __name__ == "__main__":
    command.run(main)
