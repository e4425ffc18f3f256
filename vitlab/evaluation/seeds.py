"""Whether one recipe trains better models than another, told from several trainings of each.

Two things are chance: what another training would be, and what other test images would show. A test of
the seeds alone takes the images for all there are, and one of the images takes the trainings so; between
recipes that are equally good, each finds differences far more often than its level says.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy

from vitlab.evaluation.bootstrap import effective_number
from vitlab.evaluation.comparison import Comparison, holm
from vitlab.evaluation.intervals import CONFIDENCE, Interval

LEAST_SEEDS = 3  # of two the spread is as good as unknown
ALIKE = 1e-9  # what rounding makes of equal values

Trainings = Mapping[int, np.ndarray]  # by seed, which test images are answered rightly [images]


@dataclass(frozen=True)
class SeedTest:
    """Of mean accuracies, second - first; interval and p are None where nothing varies.

    `error_of_seeds` and `error_of_images` are the standard errors that the two kinds of chance leave.
    """

    paired: bool
    difference: float
    error_of_seeds: float
    error_of_images: float
    interval: Interval | None
    p: float | None


def compare_seeds(recipes: Mapping[str, Trainings]) -> list[Comparison]:
    """All pairs of recipes by accuracy, by `seed_test`; those of fewer than three seeds are left out.

    Holm's correction of p and interval is over all these pairs.
    """
    enough = [name for name, trainings in recipes.items() if len(trainings) >= LEAST_SEEDS]
    pairs = list(itertools.combinations(enough, 2))
    tested = {pair: seed_test(recipes[pair[0]], recipes[pair[1]]) for pair in pairs}
    ps = {pair: found.p for pair, found in tested.items() if found.p is not None}
    corrected = dict(zip(ps, holm(list(ps.values())), strict=True))
    result = []
    for first, second in pairs:
        images = len(next(iter(recipes[first].values())))
        if (first, second) not in corrected:
            undefined = (None, None, None, None)
            result.append(Comparison(first, second, "accuracy", images, *undefined, len(ps), None))
            continue
        p, level = corrected[first, second]
        found = seed_test(recipes[first], recipes[second], 1 - level)
        numbers = (found.difference, found.interval, found.p, p)
        result.append(Comparison(first, second, "accuracy", images, *numbers, len(ps), None))
    return result


def seed_test(first: Trainings, second: Trainings, confidence: float = CONFIDENCE) -> SeedTest:
    """Clark's min F' (1973) of two recipes, over trainings and test images at once, as a t-test.

    The error of the mean difference is made of both: of the seeds as in Student's paired t-test (1908)
    where they are the same, else as in Welch's (1947); of the images as in Student's, of each image's
    difference of the mean over seeds. The degrees of freedom are Satterthwaite's (1946), which are too
    many where three seeds tell nearly all of the error. So each part alone must say the same: p and
    interval are those of the strictest of the three.
    """
    paired = set(first) == set(second)
    of_images = np.mean([*second.values()], axis=0) - np.mean([*first.values()], axis=0)
    mean = float(of_images.mean())
    error_of_seeds, freedom_of_seeds = (_paired if paired else _unpaired)(first, second)
    error_of_images = float(of_images.std(ddof=1)) / np.sqrt(len(of_images))
    # As in the paired bootstrap: few images that are answered differently know little of the spread.
    freedom_of_images = max(1.0, effective_number(of_images) - 1)
    errors = np.array([error_of_seeds, error_of_images])
    if errors.max() < ALIKE:
        return SeedTest(paired, mean, error_of_seeds, error_of_images, None, None)
    freedoms = np.array([freedom_of_seeds, freedom_of_images])
    error = np.sqrt((errors**2).sum())
    errors = np.append(errors, error)
    freedoms = np.append(freedoms, error**4 / (errors[:2] ** 4 / freedoms).sum())
    errors, freedoms = errors[errors > ALIKE], freedoms[errors > ALIKE]
    half = float((scipy.stats.t.ppf((1 + confidence) / 2, freedoms) * errors).max())
    p = float(2 * scipy.stats.t.sf(abs(mean) / errors, freedoms).max())
    return SeedTest(paired, mean, error_of_seeds, error_of_images, (mean - half, mean + half), p)


def _paired(first: Trainings, second: Trainings) -> tuple[float, float]:
    """The standard error that the seeds leave in the mean difference, and its degrees of freedom."""
    differences = np.array([second[seed].mean() - first[seed].mean() for seed in first])
    return float(differences.std(ddof=1)) / np.sqrt(len(differences)), len(differences) - 1.0


def _unpaired(first: Trainings, second: Trainings) -> tuple[float, float]:
    values = [np.array([right.mean() for right in recipe.values()]) for recipe in (first, second)]
    shares = np.array([recipe.var(ddof=1) / len(recipe) for recipe in values])
    sizes = np.array([len(recipe) - 1 for recipe in values])
    error = float(np.sqrt(shares.sum()))
    if error < ALIKE:
        return error, float(sizes.sum())
    return error, error**4 / float((shares**2 / sizes).sum())
