"""How often equally good recipes are told to be different, over repeated trainings and over folds.

    python -m experiments.statistics.repeated_trainings [--figures=accuracy] [--accuracy=0.9]
        [--sets=2000] [--resamples=1000] [--seed=0]

Two recipes of the same mean accuracy. A training moves the accuracy of all its images by its luck, of
the given deviation, and recipes find other images hard. Over seeds the test in use is one of
two: recipes of one network are paired by their seeds, those of different networks are not. Beside it
stands the one that knows of one kind of chance alone: of the seeds Student's t-test of the figures, of
the folds McNemar's test of all answers together, which is of the accuracy. At most 5 % of the
comparisons may have a claim; such a share of 2,000 has a standard error of half a point. Of one training
each there is McNemar's test alone. What it finds is a difference of the two trained models, which says
the less of the recipes the more a training is luck. Of figures other than the accuracy there are fewer
resamples than in use.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
)
from vitlab import command
from vitlab.evaluation import (
    ALPHA,
    Predictions,
    compare_folds,
    estimates,
    mcnemar,
    measured,
    seed_test,
)

LUCK = (0.0, 0.2, 0.4)  # the deviation of what a training adds, as a share of the mistakes
SEEDS, SIZES = (3, 5, 10), (150, 1000)
FOLDS, SIZES_OF_FOLDS = (3, 5, 10), (500,)
SHARED = 0.5  # of the variance of what makes images hard: common to both recipes
OWN = 0.8  # of the variance of an answer: the recipe's, and not the training's
GRID = np.linspace(0, 1, 10_001)  # of accuracies whose strengths are known

_FIGURES = flags.DEFINE_list("figures", ["accuracy"], "Tested by.")
_ACCURACY = flags.DEFINE_float(
    "accuracy", 0.9, "Of both recipes, in the mean.", lower_bound=0.1, upper_bound=0.999
)
_SETS = flags.DEFINE_integer("sets", 2000, "Simulated comparisons of each kind.", lower_bound=1)
_RESAMPLES = flags.DEFINE_integer("resamples", 1000, "Of each bootstrap.", lower_bound=100)
_SEED = flags.DEFINE_integer("seed", 0, "Of everything random.")


@dataclass(frozen=True)
class Kind:
    """Of comparisons: two recipes of so many trainings, over seeds or over folds, on so many images."""

    figure: str
    accuracy: float
    trainings: int
    size: int
    luck: float
    sets: int
    resamples: int
    seed: tuple[int, int]


def main() -> None:
    strengths = _strengths(np.random.default_rng(_SEED.value))
    for figure in known(_FIGURES.value, "accuracy"):
        is_accuracy = figure == "accuracy"
        if is_accuracy:
            _table(_of_one_training, figure, strengths, "seed", (1,), SIZES, ("McNemar",))
        names = ("different networks", "one network", "over seeds alone")
        _table(_over_seeds, figure, strengths, "seeds", SEEDS, SIZES, names)
        names = ("Nadeau and Bengio", *(("McNemar, pooled",) if is_accuracy else ()))
        _table(_over_folds, figure, strengths, "folds", FOLDS, SIZES_OF_FOLDS, names)


def _table(
    simulate: Callable[..., list[float]],
    figure: str,
    strengths: np.ndarray,
    what: str,
    counts: Sequence[int],
    sizes: Sequence[int],
    names: Sequence[str],
) -> None:
    kinds, accuracy = [(count, size) for count in counts for size in sizes], _ACCURACY.value
    lucks = [luck * (1 - accuracy) for luck in LUCK]
    row(figure, *(f"{name}, luck {100 * luck:.3g} points" for luck in lucks for name in names))
    row(*["---"] * (1 + len(names) * len(LUCK)))
    arguments = [
        (
            strengths,
            Kind(
                figure, accuracy, count, size, luck, _SETS.value, _RESAMPLES.value, (_SEED.value, place)
            ),
        )
        for place, (count, size) in enumerate(kinds)
        for luck in lucks
    ]
    shares = in_parallel(simulate, arguments)
    for count, size in kinds:
        found = [f"{100 * share:.1f} %" for _ in LUCK for share in next(shares)]
        row(f"{count} {what}, n = {size}", *found)


def _of_one_training(strengths: np.ndarray, kind: Kind) -> list[float]:
    generator = np.random.default_rng(kind.seed)
    claims = 0
    for _ in range(kind.sets):
        (first,), (second,) = _answers(strengths, kind, generator)
        claims += _mcnemar(_right(first), _right(second)) <= ALPHA
    return [claims / kind.sets]


def _over_seeds(strengths: np.ndarray, kind: Kind) -> list[float]:
    generator = np.random.default_rng(kind.seed)
    others = [] if kind.figure == "accuracy" else [kind.figure]
    claims = np.zeros(3)
    for index in range(kind.sets):
        first, second = (
            measured(dict(enumerate(models)), others, index, kind.resamples)[kind.figure]
            for models in _answers(strengths, kind, generator)
        )
        paired = seed_test(first, second)
        welch = seed_test(replace(first, network="another"), second)
        limit = stats.t.isf(ALPHA / 2, kind.trainings - 1) * paired.spread.error_of_seeds
        found = [test.p is not None and test.p <= ALPHA for test in (welch, paired)]
        claims += (*found, abs(paired.difference) > limit)
    return list(claims / kind.sets)


def _over_folds(strengths: np.ndarray, kind: Kind) -> list[float]:
    """A training of each fold answers its own images alone."""
    generator = np.random.default_rng(kind.seed)
    own = kind.size // kind.trainings
    claims = np.zeros(2)
    for _ in range(kind.sets):
        first, second = (
            [model.select(np.arange(fold * own, fold * own + own)) for fold, model in enumerate(models)]
            for models in _answers(strengths, kind, generator)
        )
        values = [
            [float(estimates(one, [kind.figure])[0]) for one in models] for models in (first, second)
        ]
        found = compare_folds(values[0], values[1], own, kind.size - 2 * own)
        pooled = [np.concatenate([_right(one) for one in models]) for models in (first, second)]
        claims += (found.p is not None and found.p <= ALPHA, _mcnemar(*pooled) <= ALPHA)
    return list(claims / kind.sets)[: 2 if kind.figure == "accuracy" else 1]


def _mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    return mcnemar(int((second & ~first).sum()), int((first & ~second).sum()))


def _right(model: Predictions) -> np.ndarray:
    return model.answers == model.labels


def _strengths(generator: np.random.Generator) -> np.ndarray:
    """What the true class must gain for each accuracy of GRID: a quantile of what it lacks."""
    deviates = population(generator)
    return np.quantile(deviates[:, 1:].max(axis=1) - deviates[:, 0], GRID)


def _answers(
    strengths: np.ndarray, kind: Kind, generator: np.random.Generator
) -> list[list[Predictions]]:
    """What each training of two recipes answers."""
    common = generator.normal(size=(kind.size, CLASSES))
    result = []
    for _ in range(2):
        hard = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * generator.normal(
            size=(kind.size, CLASSES)
        )
        noise = generator.normal(size=(kind.trainings, kind.size, CLASSES))
        accuracies = kind.accuracy + kind.luck * generator.normal(size=kind.trainings)
        result.append(
            [
                answered(np.sqrt(OWN) * hard + np.sqrt(1 - OWN) * one, strength)
                for one, strength in zip(noise, np.interp(accuracies, GRID, strengths), strict=True)
            ]
        )
    return result


if __name__ == "__main__":
    command.run(main)
