"""How often equally good recipes are told to be different, over repeated trainings and over folds.

    python -m experiments.statistics.repeated_trainings [--sets=2000] [--seed=0]

Two recipes of the same mean accuracy, 90 %. A training moves the accuracy of all its images by its
luck, of the given deviation, and recipes find other images hard. Beside the test in use stands the
one that knows of one kind of chance alone: of the seeds Student's t-test of the accuracies, of the
folds McNemar's test of all answers together. At most 5 % of the comparisons may have a claim; such
a share of 2,000 has a standard error of half a point. Of one training each there is McNemar's test
alone. What it finds is a difference of the two trained models, which says the less of the recipes
the more a training is luck.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags
from scipy import stats

from experiments.statistics.simulated_models import in_parallel, row
from vitlab import command
from vitlab.evaluation import ALPHA, compare_folds, mcnemar, seed_test

ACCURACY = 0.9
LUCK = (0.0, 0.02, 0.04)  # the deviation of what a training adds to the accuracy
SEEDS, SIZES = (3, 5, 10), (150, 1000)
FOLDS, SIZES_OF_FOLDS = (3, 5, 10), (500,)
SHARED = 0.5  # of the variance of what makes images hard: common to both recipes
OWN = 0.8  # of the variance of an answer: the recipe's, and not the training's

_SETS = flags.DEFINE_integer("sets", 2000, "Simulated comparisons of each kind.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of everything random.")


def main() -> None:
    for simulate, what, counts, sizes, names in (
        (_of_one_training, "seed", (1,), SIZES, ("McNemar",)),
        (_over_seeds, "seeds", SEEDS, SIZES, ("over seeds and images", "over seeds alone")),
        (_over_folds, "folds", FOLDS, SIZES_OF_FOLDS, ("Nadeau and Bengio", "McNemar, pooled")),
    ):
        kinds = [(count, size) for count in counts for size in sizes]
        row("", *(f"{name}, luck {100 * luck:g} points" for luck in LUCK for name in names))
        row(*["---"] * (1 + len(names) * len(LUCK)))
        arguments = [
            (count, size, luck, _SETS.value, (_SEED.value, place))
            for place, (count, size) in enumerate(kinds)
            for luck in LUCK
        ]
        shares = in_parallel(simulate, arguments)
        for count, size in kinds:
            found = [f"{100 * share:.1f} %" for _ in LUCK for share in next(shares)]
            row(f"{count} {what}, n = {size}", *found)


def _of_one_training(
    trainings: int, size: int, luck: float, sets: int, seed: Sequence[int]
) -> list[float]:
    generator = np.random.default_rng(seed)
    claims = 0
    for _ in range(sets):
        (first,), (second,) = _answers(trainings, size, luck, generator)
        claims += mcnemar(int((second & ~first).sum()), int((first & ~second).sum())) <= ALPHA
    return [claims / sets]


def _over_seeds(seeds: int, size: int, luck: float, sets: int, seed: Sequence[int]) -> list[float]:
    generator = np.random.default_rng(seed)
    claims = np.zeros(2)
    for _ in range(sets):
        first, second = _answers(seeds, size, luck, generator)
        found = seed_test(dict(enumerate(first)), dict(enumerate(second)))
        limit = stats.t.isf(ALPHA / 2, seeds - 1) * found.error_of_seeds
        claims += (found.p is not None and found.p <= ALPHA, abs(found.difference) > limit)
    return list(claims / sets)


def _over_folds(folds: int, size: int, luck: float, sets: int, seed: Sequence[int]) -> list[float]:
    """A training of each fold answers its own images alone."""
    generator = np.random.default_rng(seed)
    own = size // folds
    claims = np.zeros(2)
    for _ in range(sets):
        first, second = (
            np.stack([answers[fold, fold * own : fold * own + own] for fold in range(folds)])
            for answers in _answers(folds, size, luck, generator)
        )
        scores = [right.mean(axis=1).tolist() for right in (first, second)]
        found = compare_folds(scores[0], scores[1], own, size - 2 * own)
        pooled = mcnemar(int((second & ~first).sum()), int((first & ~second).sum()))
        claims += (found.p is not None and found.p <= ALPHA, pooled <= ALPHA)
    return list(claims / sets)


def _answers(trainings: int, size: int, luck: float, generator: np.random.Generator) -> list[np.ndarray]:
    """Which images each training of two recipes answers rightly [trainings, images]."""
    common = generator.normal(size=size)
    result = []
    for _ in range(2):
        hard = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * generator.normal(size=size)
        noise = generator.normal(size=(trainings, size))
        accuracy = ACCURACY + luck * generator.normal(size=(trainings, 1))
        limits = stats.norm.ppf(np.clip(accuracy, 0, 1))
        result.append(np.sqrt(OWN) * hard + np.sqrt(1 - OWN) * noise < limits)
    return result


if __name__ == "__main__":
    command.run(main)
