"""What is left of a difference when the training is repeated: over seeds, and over folds."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlab.evaluation import (
    CONFIDENCE,
    Comparison,
    FoldComparison,
    Predictions,
    compare_folds,
    evaluate,
    holm,
    repeats,
    statement_over_folds,
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


def fold_tests(recipes: Sequence[Recipe]) -> list[dict[str, Any]]:
    """All pairs over the folds, by Nadeau and Bengio's test with Holm's correction, which widens the
    intervals too: one excludes 0 exactly where the corrected p value is at most 5 %.

    Only where the folds of both models are the same images, which runs of one seed share.
    """
    pairs = [
        (first, second)
        for first, second in itertools.combinations(recipes, 2)
        if first.is_over_folds
        and second.is_over_folds
        and _same_folds(first.models[0], second.models[0])
    ]
    tested = [_fold_test(first.models[0], second.models[0]) for first, second in pairs]
    known = {place: one.p for place, one in enumerate(tested) if one.p is not None}
    corrected = dict(zip(known, holm(list(known.values())), strict=True))
    rows = []
    for place, (first, second) in enumerate(pairs):
        one, about = tested[place], (first.name, second.name, "accuracy", len(first.models[0].test))
        if place in corrected:
            p, level = corrected[place]
            one = _fold_test(first.models[0], second.models[0], 1 - level)
            found = Comparison(*about, one.difference, one.interval, one.p, p, len(known), None)
        else:
            found = Comparison(*about, None, None, None, None, len(known), None)
        rows.append(
            {
                "first": first.name,
                "second": second.name,
                "folds": one.folds,
                "difference": one.difference,
                "difference_interval": found.interval,
                "p": found.p,
                "p_corrected": found.p_corrected,
                "better": found.better,
                "statement": statement_over_folds(found, one.folds),
            }
        )
    return rows


def _fold_test(first: Candidate, second: Candidate, confidence: float = CONFIDENCE) -> FoldComparison:
    test, train = (
        float(np.mean([len(fold.predictions[part]) for fold in first.folds]))
        for part in ("test", "train")
    )
    values = [[_value(fold.test, "accuracy") for fold in one.folds] for one in (first, second)]
    return compare_folds(values[0], values[1], test, train, confidence)


def _same_folds(first: Candidate, second: Candidate) -> bool:
    return [one.run.split_hash for one in first.folds] == [one.run.split_hash for one in second.folds]


def _spread(group: Sequence[Candidate], figure: str) -> dict[str, Any]:
    values = [_value(one.test, figure) for one in group]
    if any(value is None for value in values):
        return dict.fromkeys(("values", "mean", "mean_interval", "deviation", "variance"))
    found = repeats(values)
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
