"""Whether one recipe trains better models than another, told from several trainings of each.

Two things are chance: what another training would be, and what other test images would show. A test of
the seeds alone takes the images for all there are, and one of the images takes the trainings so; between
recipes that are equally good, each finds differences far more often than its level says.
"""

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vitlab.evaluation.bootstrap import effective_number
from vitlab.evaluation.comparison import ALPHA, Comparison, corrected_by_holm
from vitlab.evaluation.intervals import CONFIDENCE, Interval, within
from vitlab.evaluation.planning import needed_trainings
from vitlab.evaluation.predictions import Predictions
from vitlab.evaluation.resampling import (
    estimates,
    influences,
    is_resampled,
    most_difference,
    resampled,
)
from vitlab.evaluation.spread import Counts, Spread

LEAST_SEEDS = 3  # of two the spread is as good as unknown


@dataclass(frozen=True)
class Measured:
    """A figure of the trainings of one recipe, and what the test images do to it.

    Attributes:
        seeds: of the trainings.
        values: the figure of each [seeds].
        influences: how much each test image moves each of them [seeds, images].
        resampled: their mean on resamples of the test images [resamples]. Of the accuracy None: the
            images' error of a mean over them needs none.
        network: which is trained. To another network the same seed is another chance.
    """

    seeds: tuple[int, ...]
    values: np.ndarray
    influences: np.ndarray
    resampled: np.ndarray | None
    network: str = ""


@dataclass(frozen=True)
class SeedTest:
    """Of the means of a figure, second - first; interval and p are None where nothing varies, and of a
    single image.

    `freedom` are the degrees that the interval is told by: as few as 1 or 2 tell next to nothing. It
    is None too where counts of images tell it.
    """

    paired: bool
    difference: float
    spread: Spread
    interval: Interval | None
    p: float | None
    freedom: float | None


def measured(
    trainings: Mapping[int, Predictions],
    figures: Sequence[str],
    seed: int,
    resamples: int,
    network: str = "",
) -> dict[str, Measured]:
    """Accuracy and `figures` of a recipe's trainings, by seed, whose rows are the same images.

    The same `seed` draws the same images for every recipe. A figure is left out that is not defined for
    each training, or that is not resampled, for too many classes have a single test image.
    """
    models, seeds = list(trainings.values()), tuple(trainings)
    right = np.array([one.answers == one.labels for one in models], float)
    found = {"accuracy": Measured(seeds, right.mean(axis=1), right / right.shape[1], None, network)}
    figures = [figure for figure in figures if is_resampled(figure, models[0].labels)]
    if not figures:
        return found
    values = np.array([estimates(one, figures) for one in models])
    kept = [place for place in range(len(figures)) if not np.isnan(values[:, place]).any()]
    if not kept:
        return found
    names = [figures[place] for place in kept]
    moves = influences(models, names)
    drawn = resampled(models, names, seed, resamples).mean(axis=1)
    for place, name in enumerate(names):
        found[name] = Measured(seeds, values[:, kept[place]], moves[:, place], drawn[place], network)
    return found


def compare_seeds(recipes: Mapping[str, Mapping[str, Measured]], figure: str) -> list[Comparison]:
    """All pairs of recipes by a figure, by `seed_test`; those of fewer than three seeds are left out.

    Holm's correction of p and interval is over all these pairs.
    """
    enough = {
        name: found for name, found in recipes.items() if len(found["accuracy"].seeds) >= LEAST_SEEDS
    }
    pairs = list(itertools.combinations(enough, 2))
    tests = {
        (first, second): functools.partial(seed_test, recipes[first][figure], recipes[second][figure])
        for first, second in pairs
        if figure in recipes[first] and figure in recipes[second]
    }
    corrected = corrected_by_holm(tests)
    result = []
    for pair in pairs:
        images = recipes[pair[0]]["accuracy"].influences.shape[1]
        about, count = (*pair, figure, images), len(corrected)
        if pair not in corrected:
            difference = tests[pair](CONFIDENCE).difference if pair in tests else None
            result.append(Comparison(*about, difference, None, None, None, count))
            continue
        found, p, level = corrected[pair]
        most = most_difference(figure)
        interval = found.interval and within((-most, most), found.interval)
        seeds, needed = None, None
        if p > ALPHA:
            seeds, needed = needed_trainings(found.spread, found.difference, images, level)
        result.append(Comparison(*about, found.difference, interval, found.p, p, count, needed, seeds))
    return result


def seed_test(first: Measured, second: Measured, confidence: float = CONFIDENCE) -> SeedTest:
    """Clark's min F' (1973) of two recipes, over trainings and test images at once, as a t-test.

    The error of the mean difference is made of both. Of the seeds as in Student's paired t-test (1908)
    where they are the same seeds of one network, which begins with the same head then and sees images
    in the same order; else as in Welch's (1947), which has up to twice the degrees of freedom. Of the
    images as in Student's of each image's difference of the mean over seeds, or by the deviation over
    resamples. The degrees of freedom are Satterthwaite's (1946), which are too many where three seeds
    tell nearly all of the error. So each part alone must say the same: p and interval are those of the
    strictest of the three. But of the accuracy they are not wider than counts of images make them: where
    few are answered differently, their spread is hardly known, and their number says more.
    """
    difference = float(second.values.mean() - first.values.mean())
    paired, spread = _are_paired(first, second), _spread(first, second)
    if not spread.is_told or first.influences.shape[1] == 1:
        return SeedTest(paired, difference, spread, None, None, None)
    below, above = spread.reach(1 - confidence).tolist()
    interval, freedom = (
        (difference - below, difference + above),
        spread.strictest_freedom(1 - confidence),
    )
    return SeedTest(paired, difference, spread, interval, spread.p(difference), freedom)


def _are_paired(first: Measured, second: Measured) -> bool:
    return first.network == second.network and set(first.seeds) == set(second.seeds)


def _spread(first: Measured, second: Measured) -> Spread:
    moved = second.influences.mean(axis=0) - first.influences.mean(axis=0)
    counts = None
    if first.resampled is None or second.resampled is None:
        error_of_images = float(moved.std(ddof=1) * np.sqrt(len(moved))) if len(moved) > 1 else 0.0
        gained, lost = (float(part.clip(min=0).sum()) * len(moved) for part in (moved, -moved))
        counts = Counts(gained, lost, len(moved))
    else:
        error_of_images = float((second.resampled - first.resampled).std(ddof=1))
    if _are_paired(first, second):
        order = [second.seeds.index(seed) for seed in first.seeds]
        values: list[np.ndarray] = [second.values[order] - first.values]
        moves = [second.influences[order] - first.influences]
    else:
        values, moves = [first.values, second.values], [first.influences, second.influences]
    return Spread(
        tuple(len(one) for one in values),
        tuple(float(one.var(ddof=1)) for one in values),
        error_of_images,
        # As in the paired bootstrap: few images that are answered differently know little of the spread.
        max(1.0, effective_number(moved) - 1),
        tuple(float(one.var(axis=0, ddof=1).sum()) for one in moves),
        counts,
    )
