"""What a study states of its own models, on its own images: shown beside ours, never mixed with them."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from vitlab.errors import InputError
from vitlab.names import unknown

# Shares between 0 and 1; those without a part are of the test part.
SHARES = ("accuracy", "val_accuracy", "train_accuracy")
FIGURES = (
    *SHARES,
    *("loss", "val_loss", "train_loss", "kappa"),
    *("epochs", "minutes", "weights_megabytes", "checkpoint_megabytes"),
)


@dataclass(frozen=True)
class Reported:
    """Figures that a study reported for the models which the phases of this config are to repeat.

    Attributes:
        source: where they were reported, and on which images.
        phases: by phase, each figure by its name: dict(head=dict(accuracy=0.875, epochs=50)).
            `accuracy`, `loss` and `kappa` are of the test part, `val_` and `train_` of the others;
            `epochs` and `minutes` are of the phase alone; of the sizes one is without the optimizer's
            memory and one with it.
    """

    source: str = ""
    phases: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def check_reported(reported: Reported, phases: Collection[str]) -> None:
    """Raises InputError for an unknown phase or figure, a figure that cannot be, or no source."""
    where = "report.reported"
    for phase, figures in reported.phases.items():
        if phase not in phases:
            raise InputError(unknown("phase", phase, phases, f"{where}.phases"))
        for name, value in figures.items():
            if name not in FIGURES:
                raise InputError(unknown("figure", name, FIGURES, f"{where}.phases.{phase}"))
            _check_value(f"{where}.phases.{phase}.{name}", name, value)
    if any(reported.phases.values()) and not reported.source.strip():
        raise InputError(f"{where}.phases has figures, and {where}.source is empty; say whose they are")


def _check_value(where: str, name: str, value: float) -> None:
    if name in SHARES and not 0 <= value <= 1:
        raise InputError(f"{where} is {value:g}; it must be a share between 0 and 1, such as 0.875")
    least = -1 if name == "kappa" else 0
    if not (math.isfinite(value) and value >= least):
        raise InputError(f"{where} is {value:g}; it must be a number of at least {least}")
