"""What sets models apart: tests of all pairs, images and confusions that changed, augmentation."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vitlab.evaluation import (
    Comparison,
    Predictions,
    changes,
    compare_accuracy,
    compare_figure,
    statement,
)
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Candidate, Compared
from vitlab.reporting.comparison.recipes import Recipe, augmented_pairs

TESTED = ("macro.f1", "loss")  # beside the accuracy, by the paired bootstrap
ALL_PAIRS = 4  # of so many last models at most, changes are listed between all


def paired_tests(
    compared: Compared, recipes: Sequence[Recipe], seed: int, resamples: int
) -> list[dict[str, Any]]:
    """The pairs of recipes with one training each, by accuracy (McNemar), then by other figures
    (bootstrap); Holm's correction of each.

    Of other recipes a single training, or the pooled answers of several, would be called better than
    chance allows; they are in no test here, and so in no correction.
    """
    alone = [recipe.models[0].name for recipe in recipes if recipe.is_one_training]
    pairs = list(itertools.combinations(alone, 2))
    if not pairs:
        return []
    found = compare_accuracy(compared.models, pairs)
    for figure in TESTED:
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
        "difference": comparison.difference,
        "difference_interval": comparison.interval,
        "p": comparison.p,
        "p_corrected": comparison.p_corrected,
        "better": comparison.better,
        "needed": comparison.needed,
        "statement": Message(
            "{first} and {second} give the same answer to each of these {n} images.",
            first=comparison.first,
            second=comparison.second,
            n=comparison.n,
        )
        if are_equal
        else statement(comparison),
    }


def changed(compared: Compared) -> list[dict[str, Any]]:
    """From a phase to the next, and between the runs' last models (S0-25)."""
    names = compared.class_names
    rows = []
    for before, after in _steps(compared.candidates):
        found = changes(before.test, after.test)
        ids = before.test.ids
        rows.append(
            {
                "before": before.name,
                "after": after.name,
                "fixed": [str(ids[row]) for row in found.fixed],
                "broken": [str(ids[row]) for row in found.broken],
                "fixed_count": len(found.fixed),
                "broken_count": len(found.broken),
                "still_right": found.still_right,
                "still_wrong": found.still_wrong,
                "became_perfect": [names[label] for label in found.became_perfect],
                "no_longer_perfect": [names[label] for label in found.no_longer_perfect],
                **{
                    key: [
                        {
                            "label": names[cell.label],
                            "answer": names[cell.answer],
                            "before": cell.before,
                            "after": cell.after,
                        }
                        for cell in cells
                    ]
                    for key, cells in (("gone", found.gone), ("come", found.come))
                },
            }
        )
    return rows


def _steps(candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, Candidate]]:
    for before, after in itertools.pairwise(candidates):
        if before.run is after.run:
            yield before, after
    last = [one for one in candidates if one.is_last]
    if len(last) <= ALL_PAIRS:
        yield from itertools.combinations(last, 2)
    else:
        yield from ((last[0], other) for other in last[1:])


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
                "difference": side * verdict["difference"],
                "difference_interval": interval and sorted(side * end for end in interval),
                "p_corrected": verdict["p_corrected"],
                "statement": verdict["statement"],
            }
        )
    return rows
