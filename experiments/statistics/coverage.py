"""How often the 95 % intervals of `vitlab.evaluation` hold the truth, over simulated test sets.

    python -m experiments.statistics.coverage [--figures=macro.f1,kappa,...]
        [--sets=2000] [--resamples=1000] [--seed=0]

Wilson's interval for the accuracy, the bootstrap's for the rest; where that gives no interval (a model
without a mistake), the set is left out of the share, and the share of such sets is the last column. For
time's sake the bootstrap draws fewer resamples than in use, and ranks no 1,000 images. A share of
95 % of 2,000 sets has a standard error of half a point.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags
from scipy import stats

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
from vitlab.evaluation import bootstrap_intervals, evaluate, wilson_interval

SCORES = ("precision", "recall", "f1")
SIZES = (50, 150, 1000)
ACCURACIES = (0.5, 0.9, 0.99)
RANKED = ("roc_auc", "average_precision")

_FIGURES = flags.DEFINE_list(
    "figures", ["macro.f1", "kappa", "loss", "brier", *RANKED], "Whose intervals, beside the accuracy's."
)
_SETS = flags.DEFINE_integer("sets", 2000, "Simulated test sets of each kind.", lower_bound=1)
_RESAMPLES = flags.DEFINE_integer("resamples", 1000, "Of each bootstrap.", lower_bound=100)
_SEED = flags.DEFINE_integer("seed", 0, "Of everything random.")


def main() -> None:
    figures = known(_FIGURES.value)
    deviates = population(np.random.default_rng(_SEED.value))
    row("", "accuracy (Wilson)", "the same, exactly", *figures, "no mistake")
    row(*["---"] * (len(figures) + 4))
    kinds: list[tuple[float, int]] = []
    arguments: list[tuple] = []
    for accuracy in ACCURACIES:
        strength = strength_for(deviates, accuracy)
        truth = _truth(deviates, strength, figures)
        for size in SIZES:
            seed = (_SEED.value, len(kinds))
            kinds.append((accuracy, size))
            arguments.append((figures, truth, strength, size, _SETS.value, _RESAMPLES.value, seed))
    for (accuracy, size), shares in zip(kinds, in_parallel(_coverage, arguments), strict=True):
        shares.insert(1, _exact_coverage(accuracy, size))
        row(f"n = {size}, accuracy {accuracy:g}", *map(_percent, shares))


def _truth(deviates: np.ndarray, strength: float, figures: Sequence[str]) -> list[float]:
    """The figures of the population, the accuracy first."""
    metrics = evaluate(answered(deviates, strength), tuple("abcde"))
    means = {f"{mean}.{key}": metrics[mean][key] for mean in ("macro", "weighted") for key in SCORES}
    return [(metrics | means)[name] for name in ("accuracy", *figures)]


def _coverage(
    figures: Sequence[str],
    truth: Sequence[float],
    strength: float,
    size: int,
    sets: int,
    resamples: int,
    seed: Sequence[int],
) -> list[float | None]:
    """Of the sets with an interval, those where it holds the truth; last, sets without a mistake."""
    generator = np.random.default_rng(seed)
    asked = [figure for figure in figures if size < max(SIZES) or figure not in RANKED]
    held, given, faultless = np.zeros(1 + len(figures)), np.zeros(1 + len(figures)), 0
    for index_of_set in range(sets):
        predictions = answered(generator.normal(size=(size, CLASSES)), strength)
        right = int((predictions.answers == predictions.labels).sum())
        found = bootstrap_intervals(predictions, asked, index_of_set, resamples)
        of_figures = (found[name].interval if name in found else None for name in figures)
        intervals = [wilson_interval(right, size), *of_figures]
        for index, interval in enumerate(intervals):
            if interval is not None:
                given[index] += 1
                held[index] += interval[0] <= truth[index] <= interval[1]
        faultless += right == size
    shares = [count / of if of else None for count, of in zip(held, given, strict=True)]
    return [*shares, faultless / sets]


def _exact_coverage(accuracy: float, size: int) -> float:
    """The probability of all the counts whose Wilson interval holds the accuracy."""
    held = [
        right
        for right in range(size + 1)
        if (interval := wilson_interval(right, size))[0] <= accuracy <= interval[1]
    ]
    return float(stats.binom.pmf(held, size, accuracy).sum())


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


if __name__ == "__main__":
    command.run(main)
