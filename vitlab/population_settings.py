"""The combinations that a population of heads is made of, and what cannot be."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from vitlab.config import Config
from vitlab.errors import InputError

MOST_MEMBERS = 100_000
LARGEST_HIDDEN = 50_000


@dataclass(frozen=True)
class Setting:
    """What a user chooses; seeds and folds are how it is tried."""

    hidden: int
    dropout: float
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True)
class Grid:
    """Every setting is tried with every seed on every fold. `folds` is 0 for the config's own split."""

    seeds: tuple[int, ...]
    folds: int
    learning_rates: tuple[float, ...]
    weight_decays: tuple[float, ...]
    hidden: tuple[int, ...]
    dropouts: tuple[float, ...]

    def settings(self) -> Iterator[Setting]:
        values = (self.hidden, self.dropouts, self.learning_rates, self.weight_decays)
        return itertools.starmap(Setting, itertools.product(*values))

    def __len__(self) -> int:
        return len(self.seeds) * max(self.folds, 1) * sum(1 for _ in self.settings())


def check_grid(grid: Grid, config: Config) -> None:
    """Raises InputError, which names the flag, if a value cannot be."""
    if grid.folds and not 3 <= grid.folds <= 100:
        raise InputError(
            f"--folds is {grid.folds}; it must be 3 to 100, or 0 for the config's own split"
        )
    if grid.folds and (config.split.file or config.split.test_then_val):
        raise InputError(
            "--folds draws the split; leave out split.file and split.test_then_val, or the folds"
        )
    if grid.seeds[-1] >= 2**32:
        raise InputError(f"--seeds goes up to {grid.seeds[-1]}; seeds are below 2**32 (config.seed)")
    for name, (values, is_possible, rule) in {
        "learning_rates": (grid.learning_rates, _is_rate, "be above 0"),
        "weight_decays": (grid.weight_decays, lambda value: 0 <= value <= 1e6, "be from 0 to 1e+06"),
        "hidden": (
            grid.hidden,
            lambda value: 0 <= value <= LARGEST_HIDDEN,
            f"be from 0 to {LARGEST_HIDDEN}",
        ),
        "dropouts": (grid.dropouts, lambda value: 0 <= value < 1, "be from 0 to below 1"),
    }.items():
        for value in values:
            if not is_possible(value):
                raise InputError(f"--{name} has {value:g}; it must {rule}")
    if len(grid) > MOST_MEMBERS:
        raise InputError(f"these are {len(grid):,} heads; a population has up to {MOST_MEMBERS:,}")
    if config.dataset.decode == "fast":
        raise InputError(
            "dataset.decode is 'fast': folds would see an image in two ways; set it to 'exact'"
        )


def _is_rate(value: float) -> bool:
    return value > 0 and math.isfinite(value)


def varied(grid: Grid) -> dict[str, tuple[float, ...]]:
    """What has more than one value, by the name that its column has."""
    columns: dict[str, tuple[float, ...]] = {
        "seed": grid.seeds,
        "fold": tuple(range(grid.folds)),
        "hidden": grid.hidden,
        "dropout": grid.dropouts,
        "learning_rate": grid.learning_rates,
        "weight_decay": grid.weight_decays,
    }
    return {name: values for name, values in columns.items() if len(values) > 1}
