"""Who is better, by recipe: of several seeds the luckiest does not stand for all of them."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.evaluation import (
    LEAST_SEEDS,
    Comparison,
    SeedTest,
    compare_seeds,
    repeats,
    seed_test,
    statement_of_few_trainings,
    statement_over_seeds,
)
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Candidate
from vitlab.reporting.comparison.recipes import Recipe


def seed_tests(recipes: Sequence[Recipe]) -> list[dict[str, Any]]:
    """All pairs of recipes with three seeds or more, over trainings and test images."""
    right = {
        recipe.name: {one.run.config.seed: _right(one) for one in recipe.models} for recipe in recipes
    }
    return [
        _seed_test(found, seed_test(right[found.first], right[found.second]), right)
        for found in compare_seeds(right)
    ]


def _seed_test(
    found: Comparison, test: SeedTest, right: Mapping[str, Mapping[int, np.ndarray]]
) -> dict[str, Any]:
    first, second = right[found.first], right[found.second]
    return {
        "first": found.first,
        "second": found.second,
        "seeds": Message("{first} and {second}", first=len(first), second=len(second)),
        "test": Message("paired by seed") if test.paired else Message("Welch's"),
        "mean_first": float(np.mean(list(first.values()))),
        "mean_second": float(np.mean(list(second.values()))),
        "error_of_seeds": test.error_of_seeds,
        "error_of_images": test.error_of_images,
        "difference": test.difference,
        "difference_interval": found.interval,
        "p": found.p,
        "p_corrected": found.p_corrected,
        "better": found.better,
        "statement": statement_over_seeds(found),
    }


def verdicts(
    recipes: Sequence[Recipe],
    pairs: Sequence[dict[str, Any]],
    over_seeds: Sequence[dict[str, Any]],
    over_folds: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """One for each pair of recipes, the surest first.

    Over folds, where models were trained on several. Over seeds, if there are enough of both. Of one
    model each, from the same images. Else there are too few trainings to call either better.
    """
    of_models = {(pair["first"], pair["second"]): pair for pair in pairs if pair["figure"] == "accuracy"}
    of_trainings = {(test["first"], test["second"]): test for test in (*over_folds, *over_seeds)}
    rows = []
    for first, second in itertools.combinations(recipes, 2):
        if (first.name, second.name) in of_trainings:
            found = of_trainings[first.name, second.name]
        elif first.is_over_folds:
            found = _of_other_folds(first, second)
        elif first.is_one_training and second.is_one_training:
            found = of_models[first.models[0].name, second.models[0].name]
        else:
            found = _of_too_few_trainings(first, second)
        keys = ("difference", "difference_interval", "p", "p_corrected", "better", "statement")
        rows.append({"first": first.name, "second": second.name} | {key: found[key] for key in keys})
    return sorted(rows, key=lambda row: 1.0 if row["p_corrected"] is None else row["p_corrected"])


def caution(recipes: Sequence[Recipe]) -> Message | None:
    """Of verdicts that rest on one training each: between equally good recipes, tests of two trained
    models find differences far more often than their level says (experiments/statistics)."""
    if sum(recipe.is_one_training for recipe in recipes) < 2:
        return None
    return Message(
        "A verdict that rests on one training of each model is about these two trained models alone: "
        "another seed can turn it. To know whether one recipe is better than another, train each with "
        "{seeds} seeds or more, or over folds.",
        seeds=LEAST_SEEDS,
    )


def _of_other_folds(first: Recipe, second: Recipe) -> dict[str, Any]:
    """No test of trainings can be had, and one of the pooled answers alone finds too much."""
    text = Message(
        "{first} and {second} cannot be compared over folds: their folds are not the same images.",
        first=first.name,
        second=second.name,
    )
    unknown = dict.fromkeys(("difference_interval", "p", "p_corrected", "better"))
    return {"difference": second.accuracy - first.accuracy, "statement": text, **unknown}


def _of_too_few_trainings(first: Recipe, second: Recipe) -> dict[str, Any]:
    between = [
        float(_right(other).mean() - _right(one).mean())
        for one in first.models
        for other in second.models
    ]
    images = len(first.models[0].test)
    text = statement_of_few_trainings(first.name, second.name, images, between, LEAST_SEEDS)
    unknown = dict.fromkeys(("difference_interval", "p", "p_corrected", "better"))
    return {"difference": float(np.mean(between)), "statement": text, **unknown}


def told_pairs(
    recipes: Sequence[Recipe], pairs: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The tests of models that stand for themselves; of recipes with several trainings the verdicts."""
    alone = {recipe.name for recipe in recipes if recipe.is_one_training}
    numbers = {recipe.name: recipe.number for recipe in recipes}
    verdicts_told = [
        {
            "figure": "accuracy",
            "first_number": numbers[row["first"]],
            "second_number": numbers[row["second"]],
            "needed": None,
            **row,
        }
        for row in found
        if not {row["first"], row["second"]} <= alone
    ]
    return [*verdicts_told, *pairs]


def selection(
    recipes: Sequence[Recipe], every: Mapping[str, dict[str, Any]], found: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The best on the validation part first, among equals the least loss there (S1-11).

    Of several seeds by their mean, which no lucky seed decides. `every` has the metrics of all models
    by name, in order, and by part.
    """
    rows = [_row(recipe, every) for recipe in recipes]
    rows.sort(key=lambda row: (-row["val_accuracy"], row["val_loss"]))
    chosen = rows[0]["model"]
    against = {
        next(name for name in (one["first"], one["second"]) if name != chosen): one
        for one in found
        if chosen in (one["first"], one["second"])
    }
    for place, row in enumerate(rows, 1):
        name = row["model"]
        row["rank"] = place
        row["against_chosen"] = _against(against[name], chosen) if name != chosen else Message("chosen")
    return rows


def _row(recipe: Recipe, every: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    metrics = [every[one.name] for one in recipe.models]

    def mean(part: str, figure: str) -> float:
        return float(np.mean([parts[part][figure] for parts in metrics]))

    accuracies = [parts["test"]["accuracy"] for parts in metrics]
    return {
        "number": recipe.number,
        "model": recipe.name,
        "seeds": len(metrics),
        "val_accuracy": mean("val", "accuracy"),
        "val_loss": mean("val", "loss"),
        "accuracy": mean("test", "accuracy"),
        "accuracy_interval": _interval(metrics[0]["test"]["accuracy_interval"], accuracies),
        "lowest": min(accuracies),
        "highest": max(accuracies),
    }


def _interval(of_images: Sequence[float], accuracies: Sequence[float]) -> Sequence[float] | None:
    """Of one training that of other images; of enough seeds that of their mean, on these images."""
    if len(accuracies) == 1:
        return of_images
    return repeats(accuracies).interval if len(accuracies) >= LEAST_SEEDS else None


def _against(verdict: dict[str, Any], chosen: str) -> str:
    if verdict["better"] is None:
        return Message("not established")
    return Message("worse") if verdict["better"] == chosen else Message("better")


def _right(one: Candidate) -> np.ndarray:
    return one.test.answers == one.test.labels
