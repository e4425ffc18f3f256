"""How often equally good models are told to be different, over simulated test sets.

    python -m experiments.statistics.false_claims [--figures=accuracy,macro.f1,loss] [--sets=2000]
        [--resamples=1000] [--seed=0]

Two or six models with the same true accuracy, half of the variance of whose deviates is common to all
(so that they fail on the same images more often than by chance). A claim is false whichever pair it is
about: at most 5 % of the sets may have one. McNemar's exact test for the accuracy, the paired bootstrap
for the rest, with fewer resamples than in use. A share of 5 % of 2,000 sets has a standard error of half
a point.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags

from experiments.statistics.simulated_models import (
    CLASSES,
    answered,
    in_parallel,
    known,
    population,
    row,
    strength_for,
)
from vitlab import command
from vitlab.evaluation import Comparison, Predictions, compare_accuracy, compare_figure

ACCURACY = 0.9
SIZES = (50, 150, 1000)
SHARED = 0.5

_FIGURES = flags.DEFINE_list("figures", ["accuracy", "macro.f1", "loss"], "Tested by.")
_SETS = flags.DEFINE_integer("sets", 2000, "Simulated test sets of each kind.", lower_bound=1)
_RESAMPLES = flags.DEFINE_integer("resamples", 1000, "Of each bootstrap.", lower_bound=100)
_SEED = flags.DEFINE_integer("seed", 0, "Of everything random.")


def main() -> None:
    strength = strength_for(population(np.random.default_rng(_SEED.value)), ACCURACY)
    figures = known(_FIGURES.value, "accuracy")
    row("", *figures)
    row(*["---"] * (len(figures) + 1))
    kinds = [(models, size) for models in (2, 6) for size in SIZES]
    arguments = [
        (models, figures, strength, size, _SETS.value, _RESAMPLES.value, (_SEED.value, index))
        for index, (models, size) in enumerate(kinds)
    ]
    for (models, size), shares in zip(kinds, in_parallel(_false_claims, arguments), strict=True):
        percents = (f"{100 * share:.1f} %" for share in shares)
        row(f"{models} models, n = {size}, accuracy {ACCURACY:g}", *percents)


def _false_claims(
    models: int,
    figures: Sequence[str],
    strength: float,
    size: int,
    sets: int,
    resamples: int,
    seed: Sequence[int],
) -> list[float]:
    """The share of sets with a claim about any pair, by each figure."""
    generator = np.random.default_rng(seed)
    claims = np.zeros(len(figures))
    for index in range(sets):
        tested = _equal_models(models, strength, size, generator)
        for place, figure in enumerate(figures):
            pairs = _compared(tested, figure, index, resamples)
            claims[place] += any(pair.better for pair in pairs)
    return list(claims / sets)


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


def _compared(
    models: dict[str, Predictions], figure: str, seed: int, resamples: int
) -> list[Comparison]:
    if figure == "accuracy":
        return compare_accuracy(models)
    return compare_figure(models, figure, seed, resamples)


if __name__ == "__main__":
    command.run(main)
