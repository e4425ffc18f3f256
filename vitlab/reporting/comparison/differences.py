"""What sets models apart: tests of all pairs, augmentation."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from vitlab.evaluation import (
    Comparison,
    Predictions,
    compare_accuracy,
    compare_figure,
    statement,
)
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Compared
from vitlab.reporting.comparison.recipes import Recipe, augmented_pairs
from vitlab.reporting.comparison.repetitions import outcome


def paired_tests(
    compared: Compared, recipes: Sequence[Recipe], figures: Sequence[str], seed: int, resamples: int
) -> list[dict[str, Any]]:
    """The pairs of recipes with one training each, by accuracy (McNemar), then by the `figures`
    (bootstrap); Holm's correction of each.

    Of other recipes a single training, or the pooled answers of several, would be called better than
    chance allows; they are in no test here, and so in no correction.
    """
    alone = [recipe.models[0].name for recipe in recipes if recipe.is_one_training]
    pairs = list(itertools.combinations(alone, 2))
    if not pairs:
        return []
    found = compare_accuracy(compared.models, pairs)
    for figure in figures:
        found += compare_figure(compared.models, figure, seed, resamples, pairs)
    numbers = {one.name: number for number, one in enumerate(compared.candidates, 1)}
    return [_pair(comparison, numbers, compared.models) for comparison in found]


def _pair(
    comparison: Comparison, numbers: Mapping[str, int], models: Mapping[str, Predictions]
) -> dict[str, Any]:
    first, second = models[comparison.first], models[comparison.second]
    are_equal = comparison.figure == "accuracy" and bool((first.answers == second.answers).all())
    return {
        "figure": comparison.figure,
        "first": comparison.first,
        "second": comparison.second,
        "first_number": numbers[comparison.first],
        "second_number": numbers[comparison.second],
        **outcome(comparison),
        "statement": Message(
            "{first} and {second} give the same answer to each of these {n} images.",
            first=comparison.first,
            second=comparison.second,
            n=comparison.n,
        )
        if are_equal
        else statement(comparison),
    }


def augmentation_effects(
    recipes: Sequence[Recipe], found: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each recipe without and with augmentation, all else being equal (S1-03), by its verdict."""
    verdict_of = {(row["first"], row["second"]): row for row in found}
    rows = []
    for plain, with_it in augmented_pairs(recipes):
        forward = verdict_of.get((plain.name, with_it.name))
        verdict = forward or verdict_of[with_it.name, plain.name]
        side, interval = 1 if forward else -1, verdict["difference_interval"]
        rows.append(
            {
                "without": plain.name,
                "with": with_it.name,
                "accuracy_without": plain.accuracy,
                "accuracy_with": with_it.accuracy,
                "difference": side * verdict["difference"] or 0.0,  # and not -0.0
                "difference_interval": interval and sorted(side * end for end in interval),
                "p_corrected": verdict["p_corrected"],
                "statement": verdict["statement"],
            }
        )
    return rows
