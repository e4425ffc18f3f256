"""How often equally good models are told to be different, over simulated test sets.

    python -m experiments.statistics.false_claims [--sets=2000] [--resamples=1000] [--seed=0]

Two or six models with the same true accuracy, half of the variance of whose deviates is common to all
(so that they fail on the same images more often than by chance). A claim is false whichever pair it is
about: at most 5 % of the sets may have one. McNemar's exact test for the accuracy, the paired bootstrap
for the rest, with fewer resamples than in use. A share of 5 % of 2,000 sets has a standard error of half
a point.
"""

import numpy as np
from absl import flags

from experiments.statistics.simulated_models import CLASSES, answered, population, row, strength_for
from vitlab import command
from vitlab.evaluation import Comparison, Predictions, compare_accuracy, compare_figure

ACCURACY = 0.9
SIZES = (50, 150, 1000)
FIGURES = ("accuracy", "macro.f1", "loss")
SHARED = 0.5

_SETS = flags.DEFINE_integer("sets", 2000, "Simulated test sets of each kind.", lower_bound=1)
_RESAMPLES = flags.DEFINE_integer("resamples", 1000, "Of each bootstrap.", lower_bound=100)
_SEED = flags.DEFINE_integer("seed", 0, "Of everything random.")


def main() -> None:
    generator = np.random.default_rng(_SEED.value)
    strength = strength_for(population(generator), ACCURACY)
    row("", *FIGURES)
    row(*["---"] * (len(FIGURES) + 1))
    for models in (2, 6):
        for size in SIZES:
            claims = np.zeros(len(FIGURES))
            for seed in range(_SETS.value):
                tested = _equal_models(models, strength, size, generator)
                claims += [
                    any(pair.better for pair in _compared(tested, figure, seed)) for figure in FIGURES
                ]
            shares = (f"{100 * share:.1f} %" for share in claims / _SETS.value)
            row(f"{models} models, n = {size}, accuracy {ACCURACY:g}", *shares)


def _equal_models(
    count: int, strength: float, size: int, generator: np.random.Generator
) -> dict[str, Predictions]:
    common = np.sqrt(SHARED) * generator.normal(size=(size, CLASSES))
    return {
        f"model {index}": answered(
            common + np.sqrt(1 - SHARED) * generator.normal(size=(size, CLASSES)), strength
        )
        for index in range(count)
    }


def _compared(models: dict[str, Predictions], figure: str, seed: int) -> list[Comparison]:
    if figure == "accuracy":
        return compare_accuracy(models)
    return compare_figure(models, figure, seed, _RESAMPLES.value)


if __name__ == "__main__":
    command.run(main)
