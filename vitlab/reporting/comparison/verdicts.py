"""Who is better, by recipe: of several seeds the luckiest does not stand for all of them."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.evaluation import (
    LEAST_SEEDS,
    Comparison,
    Measured,
    compare_seeds,
    interval_of_trainings,
    measured,
    seed_test,
    statement_of_few_trainings,
    statement_over_seeds,
)
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Candidate
from vitlab.reporting.comparison.recipes import Recipe
from vitlab.reporting.comparison.repetitions import outcome

FEW_DEGREES = 2  # of freedom: Student's interval is over twice as wide as with many
_TOLD = (
    "difference",
    "difference_interval",
    "p",
    "p_corrected",
    "better",
    "needed",
    "needed_seeds",
    "establishable",
    "statement",
)


def seed_tests(
    recipes: Sequence[Recipe], figures: Sequence[str], seed: int, resamples: int
) -> list[dict[str, Any]]:
    """All pairs of recipes with three seeds or more, over trainings and test images, by accuracy, then
    by the `figures`; Holm's correction of each."""
    several = [recipe for recipe in recipes if len(recipe.models) >= LEAST_SEEDS]
    if len(several) < 2:
        return []
    found = {}
    for recipe in several:
        trainings = {one.run.config.seed: one.test for one in recipe.models}
        network = recipe.models[0].run.config.model.name
        found[recipe.name] = measured(trainings, figures, seed, resamples, network)
    return [
        _seed_test(compared, found[compared.first], found[compared.second])
        for figure in ("accuracy", *figures)
        for compared in compare_seeds(found, figure)
    ]


def _seed_test(
    found: Comparison, first: Mapping[str, Measured], second: Mapping[str, Measured]
) -> dict[str, Any]:
    seeds, figure = (first["accuracy"].seeds, second["accuracy"].seeds), found.figure
    of_both = figure in first and figure in second
    test = seed_test(first[figure], second[figure]) if of_both else None
    return {
        "figure": figure,
        "first": found.first,
        "second": found.second,
        "seeds": Message("{first} and {second}", first=len(seeds[0]), second=len(seeds[1])),
        "trainings": [len(one) for one in seeds],
        "test": test and (Message("paired by seed") if test.paired else Message("Welch's")),
        "mean_first": float(first[figure].values.mean()) if figure in first else None,
        "mean_second": float(second[figure].values.mean()) if figure in second else None,
        "error_of_seeds": test and test.spread.error_of_seeds,
        "error_of_images": test and test.spread.error_of_images,
        "freedom": test and test.freedom,
        **outcome(found),
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
    of_trainings = {
        (test["first"], test["second"]): test
        for test in (*over_folds, *over_seeds)
        if test["figure"] == "accuracy"
    }
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
        rows.append({"first": first.name, "second": second.name} | {key: found[key] for key in _TOLD})
    return sorted(rows, key=lambda row: 1.0 if row["p_corrected"] is None else row["p_corrected"])


def cautions(
    recipes: Sequence[Recipe],
    over_seeds: Sequence[dict[str, Any]],
    over_folds: Sequence[dict[str, Any]],
) -> list[Message]:
    """Of verdicts that rest on one training each: between equally good recipes, tests of two trained
    models find differences far more often than their level says (experiments/statistics). And of
    intervals that are wide because next to nothing is known of the spread."""
    found = []
    if sum(recipe.is_one_training for recipe in recipes) > 1:
        text = Message(
            "A verdict that rests on one training of each model is about these two trained models "
            "alone: another seed can turn it. To know whether one recipe is better than another, train "
            "each with {seeds} seeds or more on one split, or over folds.",
            seeds=LEAST_SEEDS,
        )
        found.append(text)
    few = [row for row in over_seeds if row["figure"] == "accuracy" and LEAST_SEEDS in row["trainings"]]
    if any(_says_little(row, row["freedom"]) for row in few):
        text = Message(
            "Three seeds tell nearly nothing of the spread: an interval over so few is wide whatever "
            "the recipes, and that no difference is established says little."
        )
        found.append(text)
    if any(_says_little(row, row["folds"] - 1) for row in over_folds):
        text = Message(
            "{folds} folds tell nearly nothing of the spread: an interval over so few is wide whatever "
            "the models, and that no difference is established says little.",
            folds=over_folds[0]["folds"],
        )
        found.append(text)
    return found


def _says_little(row: dict[str, Any], freedom: float | None) -> bool:
    is_open = row["p"] is not None and row["better"] is None
    return is_open and freedom is not None and freedom <= FEW_DEGREES


def _of_other_folds(first: Recipe, second: Recipe) -> dict[str, Any]:
    """No test of trainings can be had, and one of the pooled answers alone finds too much."""
    text = Message(
        "{first} and {second} cannot be compared over folds: their folds are not the same images.",
        first=first.name,
        second=second.name,
    )
    return dict.fromkeys(_TOLD) | {"difference": second.accuracy - first.accuracy, "statement": text}


def _of_too_few_trainings(first: Recipe, second: Recipe) -> dict[str, Any]:
    between = [
        float(_right(other).mean() - _right(one).mean())
        for one in first.models
        for other in second.models
    ]
    images = len(first.models[0].test)
    text = statement_of_few_trainings(first.name, second.name, images, between, LEAST_SEEDS)
    return dict.fromkeys(_TOLD) | {"difference": float(np.mean(between)), "statement": text}


def told_pairs(
    recipes: Sequence[Recipe],
    pairs: Sequence[dict[str, Any]],
    found: Sequence[dict[str, Any]],
    over_trainings: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """The tests of models that stand for themselves; of recipes with several trainings the verdicts, and
    the tests over these by other figures."""
    alone = {recipe.name for recipe in recipes if recipe.is_one_training}
    numbers = {recipe.name: recipe.number for recipe in recipes}
    several = [
        {"figure": "accuracy", **row} for row in found if not {row["first"], row["second"]} <= alone
    ] + [row for row in over_trainings if row["figure"] != "accuracy"]
    told = [
        {
            "first_number": numbers[row["first"]],
            "second_number": numbers[row["second"]],
            **{key: row[key] for key in ("figure", "first", "second", *_TOLD)},
        }
        for row in several
    ]
    return [*told, *pairs]


def selection(
    recipes: Sequence[Recipe], every: Mapping[str, dict[str, Any]], found: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The best on the validation part first, among equals the least loss there (S1-11).

    Of several seeds by their mean, which no lucky seed decides. `every` has the metrics of all models
    by name, in order, and by part.
    """
    rows = [_row(recipe, every) for recipe in recipes]
    # Means of equal accuracies, added up in another order, are equal too.
    rows.sort(key=lambda row: (-round(row["val_accuracy"], 9), row["val_loss"]))
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


def tied_with_first(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Of a selection those that are as accurate on the validation part as the chosen one."""
    best = round(rows[0]["val_accuracy"], 9)
    return [row["model"] for row in rows[1:] if round(row["val_accuracy"], 9) == best]


def alike_on_validation(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether one of those has the same validation loss as well: then the order of the runs decides."""
    tied, least = tied_with_first(rows), rows[0]["val_loss"]
    return any(row["val_loss"] == least for row in rows if row["model"] in tied)


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
        "accuracy_interval": _interval(metrics[0]["test"], accuracies),
        "lowest": min(accuracies),
        "highest": max(accuracies),
    }


def _interval(test: Mapping[str, Any], accuracies: Sequence[float]) -> Sequence[float] | None:
    """For other images; of enough seeds that of their mean, for other seeds and other images. Of seeds
    that are all equal it is that of the images alone."""
    if len(accuracies) == 1:
        return test["accuracy_interval"]
    if len(accuracies) < LEAST_SEEDS:
        return None
    return interval_of_trainings(accuracies, test["n"])


def _against(verdict: dict[str, Any], chosen: str) -> str:
    if verdict["p_corrected"] is None:
        return Message("not tested")
    if verdict["better"] is None:
        return Message("not established")
    return Message("worse") if verdict["better"] == chosen else Message("better")


def _right(one: Candidate) -> np.ndarray:
    return one.test.answers == one.test.labels
