"""What is left of a difference when the training is repeated: over seeds, and over folds."""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.evaluation import (
    ALPHA,
    CONFIDENCE,
    Comparison,
    Predictions,
    compare_folds,
    corrected_by_holm,
    estimates,
    evaluate,
    limits,
    most_difference,
    repeats,
    statement_over_folds,
    within,
)
from vitlab.reporting.comparison.candidates import Candidate
from vitlab.reporting.comparison.recipes import Recipe

FIGURES = ("accuracy", "loss", "kappa", "macro.f1")


def repetitions(recipes: Sequence[Recipe]) -> list[dict[str, Any]]:
    """Of models that differ in their seed only: mean, deviation, variance, interval (S2-17, S2-30)."""
    return [
        {
            "models": [one.name for one in recipe.models],
            "model": recipe.name,
            "seeds": [one.run.config.seed for one in recipe.models],
            "n": len(recipe.models),
            "figure": figure,
            **_spread(recipe.models, figure),
        }
        for recipe in recipes
        if len(recipe.models) > 1
        for figure in FIGURES
    ]


def folds(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Each model over its folds. The folds share training images: the mean has no plain interval."""
    rows = []
    for number, one in enumerate(candidates, 1):
        if not one.folds:
            continue
        for figure in FIGURES:
            spread = _spread(one.folds, figure)
            rows.append(
                {
                    "number": number,
                    "model": one.name,
                    "figure": figure,
                    "n": len(one.folds),
                    **{key: spread[key] for key in ("mean", "deviation", "variance", "values")},
                }
            )
    return rows


def fold_tests(recipes: Sequence[Recipe], figures: Sequence[str]) -> list[dict[str, Any]]:
    """All pairs over the folds, by Nadeau and Bengio's test of the accuracy, then of the `figures`.

    Only where the folds of both models are the same images, which runs of one seed share.
    """
    pairs = [
        (first.models[0], second.models[0])
        for first, second in itertools.combinations(recipes, 2)
        if first.is_over_folds
        and second.is_over_folds
        and _same_folds(first.models[0], second.models[0])
    ]
    every = ("accuracy", *figures)
    values = {
        one.name: np.array([estimates(fold.test, every) for fold in one.folds]).T
        for one in {one.name: one for pair in pairs for one in pair}.values()
    }
    rows = []
    for place, figure in enumerate(every):
        of_figure = {name: found[place] for name, found in values.items()}
        rows += _fold_tests(pairs, figure, of_figure)
    return rows


def _fold_tests(
    pairs: Sequence[tuple[Candidate, Candidate]], figure: str, values: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Holm's correction widens the intervals too: one excludes 0 exactly where the corrected p value is
    at most 5 %. `values` are those of the folds by model, NaN where the figure is not defined."""
    tests = {
        (first.name, second.name): functools.partial(
            compare_folds,
            values[first.name],
            values[second.name],
            _mean_size(first, "test"),
            _mean_size(first, "train"),
        )
        for first, second in pairs
        if not np.isnan([values[first.name], values[second.name]]).any()
    }
    corrected = corrected_by_holm(tests)
    rows = []
    for first, second in pairs:
        names, folds = (first.name, second.name), len(first.folds)
        about, count = (*names, figure, len(first.test)), len(corrected)
        if names in corrected:
            test, p, _ = corrected[names]
            most = most_difference(figure)
            interval = test.interval and within((-most, most), test.interval)
            establishable = test.establishable if p > ALPHA else None
            found = Comparison(
                *about, test.difference, interval, test.p, p, count, establishable=establishable
            )
        else:
            difference = tests[names](CONFIDENCE).difference if names in tests else None
            found = Comparison(*about, difference, None, None, None, count)
        rows.append(
            {
                "figure": figure,
                "first": first.name,
                "second": second.name,
                "folds": folds,
                **outcome(found),
                "statement": statement_over_folds(found, folds),
            }
        )
    return rows


def outcome(found: Comparison) -> dict[str, Any]:
    """What a test says, as JSON; no difference would be established that is more than there can be."""
    least = found.establishable
    is_possible = least is not None and least <= most_difference(found.figure)
    return {
        "difference": found.difference,
        "difference_interval": found.interval,
        "p": found.p,
        "p_corrected": found.p_corrected,
        "better": found.better,
        "needed": found.needed,
        "needed_seeds": found.needed_seeds,
        "establishable": least if is_possible else None,
    }


def _mean_size(one: Candidate, part: str) -> float:
    return float(np.mean([len(fold.predictions[part]) for fold in one.folds]))


def _same_folds(first: Candidate, second: Candidate) -> bool:
    return first.splits == second.splits


def _spread(group: Sequence[Candidate], figure: str) -> dict[str, Any]:
    values = [_value(one.test, figure) for one in group]
    if any(value is None for value in values):
        return dict.fromkeys(("values", "mean", "mean_interval", "deviation", "variance"))
    found = repeats(values, limits=limits(figure))
    return {
        "values": values,
        "mean": found.mean,
        "mean_interval": found.interval,
        "deviation": found.deviation,
        "variance": found.variance,
    }


def _value(predictions: Predictions, figure: str) -> Any:
    found: Any = evaluate(predictions, [str(index) for index in range(predictions.logits.shape[1])])
    for key in figure.split("."):
        found = found[key]
    return found
