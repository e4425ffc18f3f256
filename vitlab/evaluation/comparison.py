"""Which of several models is better on the same images, and whether that is more than chance."""

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import scipy

from vitlab.evaluation.bootstrap import paired_difference
from vitlab.evaluation.intervals import ALIKE, Interval, paired_interval, within
from vitlab.evaluation.predictions import Predictions
from vitlab.evaluation.resampling import (
    LOWER_IS_BETTER,
    RESAMPLES,
    estimates,
    influences,
    is_resampled,
    most_difference,
    resampled,
)

ALPHA = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """Two models on one figure of the same images.

    Attributes:
        first, second: the models' names.
        figure: its key in metrics.json.
        n: the images.
        difference: second - first; None, as all below, where the figure is not defined for both, or
            too many classes have a single test image for a bootstrap.
        interval: of the difference, as wide as Holm's method makes the test of this pair strict: it
            excludes 0 exactly where `p_corrected` is at most 5 %, and is the 95 % interval of the
            difference if there is one pair. It is None, as all below, where every training (and
            image) says the same difference.
        p: of no difference, by McNemar's exact test or the paired bootstrap.
        p_corrected: over all the pairs.
        pairs: how many these are.
        needed: the test images with which a difference like this would be established four times of
            five; None if there is no difference, it is established, the formula knows of none, or
            more seeds would do.
        needed_seeds: as many of each recipe, on these test images or on those needed.
        establishable: over folds, the difference that such folds would establish four times of five;
            None too if this one is established.
    """

    first: str
    second: str
    figure: str
    n: int
    difference: float | None
    interval: Interval | None
    p: float | None
    p_corrected: float | None
    pairs: int
    needed: int | None = None
    needed_seeds: int | None = None
    establishable: float | None = None

    @property
    def better(self) -> str | None:
        """The name of the better model; None if that is not established.

        Both the corrected p value and the interval must say so.
        """
        if self.difference is None or self.interval is None or self.p_corrected is None:
            return None
        low, high = self.interval
        if self.p_corrected > ALPHA or not (0 < low <= self.difference or self.difference <= high < 0):
            return None
        second_is_better = (low > 0) != (self.figure in LOWER_IS_BETTER)
        return self.second if second_is_better else self.first


Pairs = Sequence[tuple[str, str]]


def compare_accuracy(models: dict[str, Predictions], pairs: Pairs | None = None) -> list[Comparison]:
    """Pairs of models on the same images, in the same order (see `same_images`); all, if not given.

    McNemar's exact test (1947), Holm's correction (1979), and the interval of `paired_interval`.
    """
    right = {name: model.answers == model.labels for name, model in models.items()}
    pairs = list(itertools.combinations(models, 2)) if pairs is None else pairs
    cells = [
        (int((right[second] & ~right[first]).sum()), int((right[first] & ~right[second]).sum()))
        for first, second in pairs
    ]
    n = len(next(iter(models.values())))
    tested = [mcnemar(gained, lost) for gained, lost in cells]
    rows = zip(pairs, cells, tested, holm(tested), strict=True)
    return [
        Comparison(
            first=first,
            second=second,
            figure="accuracy",
            n=n,
            difference=(gained - lost) / n,
            interval=paired_interval(gained, lost, n, 1 - level),
            p=p,
            p_corrected=corrected,
            pairs=len(pairs),
            needed=None if corrected <= ALPHA else needed_images(gained, lost, n, level),
        )
        for (first, second), (gained, lost), p, (corrected, level) in rows
    ]


def compare_figure(
    models: dict[str, Predictions],
    figure: str,
    seed: int,
    resamples: int = RESAMPLES,
    pairs: Pairs | None = None,
) -> list[Comparison]:
    """The same by the paired bootstrap, for any figure of `resampling`; the resamples are at least
    80 for each pair, which Holm's correction needs."""
    names, any_of_them = list(models), next(iter(models.values()))
    n, is_known = len(any_of_them), is_resampled(figure, any_of_them.labels)
    named = itertools.combinations(names, 2) if pairs is None else pairs
    places = [(names.index(first), names.index(second)) for first, second in named]
    found = np.array([estimates(model, [figure])[0] for model in models.values()])
    drawn = resampled(list(models.values()), [figure], seed, max(resamples, 80 * len(places)))[0]
    moves = influences(list(models.values()), [figure])[:, 0]
    tested = {
        (i, j): paired_difference(float(found[j] - found[i]), drawn[j] - drawn[i], moves[j] - moves[i])
        for i, j in places
        if not np.isnan(found[[i, j]]).any() and is_known
    }
    constant = [place for place, pair in tested.items() if pair.is_constant]
    tested = {place: pair for place, pair in tested.items() if not pair.is_constant}
    ps = [pair.p for pair in tested.values()]
    corrections = dict(zip(tested, zip(ps, holm(ps), strict=True), strict=True))
    result = []
    for i, j in places:
        if (i, j) not in tested:
            known = _rounded(found[j] - found[i]) if (i, j) in constant else None
            result.append(
                Comparison(names[i], names[j], figure, n, known, None, None, None, len(tested))
            )
            continue
        p, (corrected, level) = corrections[i, j]
        difference, spread = _rounded(found[j] - found[i]), float(tested[i, j].differences.std())
        needed = None if corrected <= ALPHA else _needed_by_spread(difference, spread, n, level)
        most = most_difference(figure)
        interval = within((-most, most), tested[i, j].interval(level))
        result.append(
            Comparison(
                names[i], names[j], figure, n, difference, interval, p, corrected, len(tested), needed
            )
        )
    return result


def _rounded(difference: float) -> float:
    """What rounding makes of equal figures is no difference."""
    return 0.0 if abs(difference) < ALIKE else float(difference)


def mcnemar(gained: int, lost: int) -> float:
    """The exact p value: a binomial test of the images that only one of the two answers rightly."""
    differing = gained + lost
    return float(scipy.stats.binomtest(gained, differing).pvalue) if differing else 1.0


def holm(values: Sequence[float], alpha: float = ALPHA) -> list[tuple[float, float]]:
    """Of each p value the one corrected by Holm's method (1979), and the level that it is tested at.

    A p value is at most its level exactly where the corrected one is at most alpha.
    """
    count, worst = len(values), 0.0
    result = [(1.0, alpha)] * count
    for place, index in enumerate(np.argsort(values, kind="stable").tolist()):
        value, factor = values[index], count - place
        worst = max(worst, factor * value)
        level = alpha * (value / worst) if value > 0 else alpha / factor
        result[index] = (min(1.0, worst), level)
    return result


class Tested(Protocol):
    """What a test says at a confidence."""

    @property
    def p(self) -> float | None: ...


AnyTest = TypeVar("AnyTest", bound=Tested)
Pair = TypeVar("Pair", bound=Hashable)


def corrected_by_holm(
    tests: Mapping[Pair, Callable[[float], AnyTest]],
) -> dict[Pair, tuple[AnyTest, float, float]]:
    """Of each test that has a p value: it, at the confidence of its level; the corrected p; the level.

    The tests are functions of a confidence, and their p values do not depend on it.
    """
    ps = {pair: p for pair, test in tests.items() if (p := test(1 - ALPHA).p) is not None}
    corrected = dict(zip(ps, holm(list(ps.values())), strict=True))
    return {pair: (tests[pair](1 - level), p, level) for pair, (p, level) in corrected.items()}


def needed_images(
    gained: int, lost: int, count: int, level: float = ALPHA, power: float = POWER
) -> int | None:
    """The test images with which McNemar's test finds such a difference with the power.

    Connor's formula (1987) for paired proportions, with the shares of images that were gained and
    lost here, and at least as many as the exact test takes to find anything. None where there is no
    difference to be found, or where so many are there already: what a few images say is no plan.
    """
    discordance, difference = (gained + lost) / count, abs(gained - lost) / count
    if difference == 0:
        return None
    of_level, of_power = scipy.stats.norm.isf(level / 2), scipy.stats.norm.ppf(power)
    spread = of_level * np.sqrt(discordance) + of_power * np.sqrt(discordance - difference**2)
    fewest = np.ceil(1 - np.log2(level)) / discordance  # all of them in favour of one model
    needed = int(np.ceil(max((spread / difference) ** 2, fewest)))
    return needed if needed > count else None


def _needed_by_spread(difference: float, spread: float, count: int, level: float) -> int | None:
    """For a figure whose spread falls with the root of the number of images.

    None too where as many are there already: then a few images decide, and their number says nothing.
    """
    if difference == 0:
        return None
    both = scipy.stats.norm.isf(level / 2) + scipy.stats.norm.ppf(POWER)
    needed = int(np.ceil(count * (both * spread / difference) ** 2))
    return needed if needed > count else None
