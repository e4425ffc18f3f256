"""Whether one recipe trains better models than another, told from several trainings of each."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy

from vitlab.evaluation.comparison import Comparison, holm
from vitlab.evaluation.intervals import CONFIDENCE, Interval

LEAST_SEEDS = 3  # of two the spread is as good as unknown
ALIKE = 1e-9  # what rounding makes of equal values


@dataclass(frozen=True)
class SeedTest:
    """Of mean accuracies, second - first; interval and p are None where the seeds do not differ."""

    paired: bool
    difference: float
    interval: Interval | None
    p: float | None


def compare_seeds(
    recipes: Mapping[str, Mapping[int, float]], images: int, figure: str = "accuracy"
) -> list[Comparison]:
    """All pairs of recipes, each a figure by the seeds of its trainings, by `seed_test`.

    Recipes of fewer than three seeds are left out. The answer generalises over trainings, whose test
    images stay the same: other images may be answered otherwise, as McNemar's test of two models
    knows. Holm's correction of p and interval is over all these pairs.
    """
    enough = [name for name, values in recipes.items() if len(values) >= LEAST_SEEDS]
    pairs = list(itertools.combinations(enough, 2))
    tested = {pair: seed_test(recipes[pair[0]], recipes[pair[1]]) for pair in pairs}
    ps = {pair: found.p for pair, found in tested.items() if found.p is not None}
    corrected = dict(zip(ps, holm(list(ps.values())), strict=True))
    result = []
    for first, second in pairs:
        if (first, second) not in corrected:
            undefined = (None, None, None, None)
            result.append(Comparison(first, second, figure, images, *undefined, len(ps), None))
            continue
        p, level = corrected[first, second]
        found = seed_test(recipes[first], recipes[second], 1 - level)
        numbers = (found.difference, found.interval, found.p, p)
        result.append(Comparison(first, second, figure, images, *numbers, len(ps), None))
    return result


def seed_test(
    first: Mapping[int, float], second: Mapping[int, float], confidence: float = CONFIDENCE
) -> SeedTest:
    """Student's paired t-test (1908) where the seeds are the same, else Welch's (1947)."""
    paired = set(first) == set(second)
    if paired:
        differences = np.array([second[seed] - first[seed] for seed in first])
        mean, freedom = float(differences.mean()), len(differences) - 1.0
        error = float(differences.std(ddof=1)) / np.sqrt(len(differences))
    else:
        values = [np.array(list(recipe.values())) for recipe in (first, second)]
        mean = float(values[1].mean() - values[0].mean())
        shares = np.array([recipe.var(ddof=1) / len(recipe) for recipe in values])
        error = float(np.sqrt(shares.sum()))
        sizes = np.array([len(recipe) - 1 for recipe in values])
        freedom = float(shares.sum() ** 2 / max((shares**2 / sizes).sum(), np.finfo(float).tiny))
    if error < ALIKE:
        return SeedTest(paired, mean, None, None)
    half = float(scipy.stats.t.ppf((1 + confidence) / 2, freedom)) * error
    p = float(2 * scipy.stats.t.sf(abs(mean) / error, freedom))
    return SeedTest(paired, mean, (mean - half, mean + half), p)
