"""How much seeds, folds, rates and the size of the head matter, on a backbone that stays as it is.

    python -m vitlab.population --config=FILE --workdir=DIR [--config.KEY=VALUE ...]
        [--seeds=N] [--folds=N] [--learning_rates=1e-3,1e-2] [--weight_decays=0,1e-4]
        [--hidden=0,128] [--dropouts=0,0.5]

The first phase of the config trains a head for each combination, all of them at once, on embeddings
that are computed once. What is not given is as the config says it. The seeds count from the config's;
the split is drawn with the config's own, so that every seed sees the same images. It ends with a table
of the settings, with mean, standard deviation and variance over seeds and folds; DIR has a row for each
head.
"""

from pathlib import Path

from absl import flags
from ml_collections import config_flags

from vitlab import command
from vitlab.errors import InputError
from vitlab.population_settings import Grid, check_grid

with command.defining_config():
    _CONFIG = config_flags.DEFINE_config_file(
        "config", None, "The config file, such as configs/head.py:vit_ti16.", lock_config=True
    )
_WORKDIR = flags.DEFINE_string("workdir", None, "A new folder for what comes out.")
_SEEDS = flags.DEFINE_integer("seeds", 1, "How many, from the config's own.", lower_bound=1)
_FOLDS = flags.DEFINE_integer(
    "folds", 0, "Equal parts of the images, each of them the test once (split.folds); 0: the split."
)
_RATES = flags.DEFINE_list("learning_rates", None, "Learning rates; the phase's if not given.")
_DECAYS = flags.DEFINE_list("weight_decays", None, "Weight decays; the phase's if not given.")
_HIDDEN = flags.DEFINE_list("hidden", None, "Sizes of the hidden layer, 0 for none (model.hidden).")
_DROPOUTS = flags.DEFINE_list("dropouts", None, "Shares that are dropped (model.dropout).")


def main() -> None:
    config = command.given_config(_CONFIG.value, "configs/head.py:vit_ti16")
    if not _WORKDIR.value:
        raise InputError("give a new folder with --workdir=DIR, such as --workdir=runs/population")
    workdir = Path(_WORKDIR.value)
    if workdir.exists() and (not workdir.is_dir() or any(workdir.iterdir())):
        raise InputError(f"{workdir} holds something already; choose a new --workdir")
    phase = next(iter(config.phases.values()))
    grid = Grid(
        seeds=tuple(range(config.seed, config.seed + _SEEDS.value)),
        folds=_FOLDS.value,
        learning_rates=_numbers(_RATES, phase.learning_rate),
        weight_decays=_numbers(_DECAYS, phase.weight_decay),
        hidden=tuple(map(int, _numbers(_HIDDEN, config.model.hidden, whole=True))),
        dropouts=_numbers(_DROPOUTS, config.model.dropout),
    )
    check_grid(grid, config)

    from vitlab import runtime

    runtime.start()
    from vitlab.population_job import run_population

    run_population(config, grid, workdir)


def _numbers(flag: flags.FlagHolder, otherwise: float, *, whole: bool = False) -> tuple[float, ...]:
    """The numbers of a flag, each once."""
    if flag.value is None:
        return (otherwise,)
    try:
        numbers = tuple(int(text) if whole else float(text) for text in flag.value)
    except ValueError as error:
        kind = "whole numbers" if whole else "numbers"
        raise InputError(
            f"--{flag.name} is {','.join(flag.value)!r}; it must be {kind} with commas between them"
        ) from error
    if not numbers:
        raise InputError(f"--{flag.name} is empty; leave it out, and the config's own is taken")
    return tuple(dict.fromkeys(numbers))


if __name__ == "__main__":
    command.run(main)
