"""What a comparison says, in words: the sentences about statistics are all here."""

import math
from collections.abc import Sequence
from typing import Any

from vitlab.evaluation.comparison import ALPHA, Comparison
from vitlab.evaluation.resampling import most_difference
from vitlab.language import Figure, Message

IN_POINTS = frozenset({"accuracy", "balanced_accuracy", "top_5_accuracy"})
MOST_IMAGES = 1_000_000  # beyond this a number of images is no advice
MOST_SEEDS = 1000

BY = {
    "accuracy": "",
    "balanced_accuracy": Message(" by balanced accuracy"),
    "top_5_accuracy": Message(" by top-5 accuracy"),
    "kappa": Message(" by Cohen's kappa"),
    "matthews": Message(" by Matthews' correlation"),
    "macro.precision": Message(" by macro precision"),
    "macro.recall": Message(" by macro recall"),
    "macro.f1": Message(" by macro F1"),
    "weighted.precision": Message(" by weighted precision"),
    "weighted.recall": Message(" by weighted recall"),
    "weighted.f1": Message(" by weighted F1"),
    "loss": Message(" by loss"),
    "brier": Message(" by Brier score"),
    "ece": Message(" by calibration error"),
    "roc_auc": Message(" by ROC-AUC"),
    "average_precision": Message(" by average precision"),
}


def statement(comparison: Comparison) -> Message:
    """One sentence: who is better, or that this is not established.

    A difference is told from the side of the better model; without one, of the second. No number is
    rounded to the other side of 0, or of the level of significance.
    """
    values = _values(comparison)
    if comparison.difference is None:
        return Message(
            "{first} and {second} cannot be compared{by}: it is not defined on these {images} images, "
            "or these are too few, in all or of many classes.",
            **values,
        )
    if comparison.interval is None:
        return Message(
            "{first} and {second} cannot be compared{by}: their difference is the same in every "
            "resample of these {images} images, which says nothing of what others would change.",
            **values,
        )
    if comparison.better is None:
        return Message(
            "The difference between {first} and {second} on these {images} images{by} is not "
            "established ({second} minus {first}: {details}){needed}.",
            **values,
        )
    return Message(
        "{winner} is better than {loser} on these {images} images{by} ({details}).",
        **values,
    )


def statement_over_seeds(comparison: Comparison) -> Message:
    """The same of two recipes, told from several trainings of each."""
    values = _values(comparison)
    if comparison.difference is None:
        return Message(
            "{first} and {second} cannot be compared over repeated trainings{by}: it is not defined for "
            "each of them, or the test images are too few, in all or of many classes.",
            **values,
        )
    if comparison.interval is None:
        return Message(
            "{first} and {second} cannot be compared over repeated trainings{by}: their difference is "
            "the same for each seed and each image, which says nothing of what others would change.",
            **values,
        )
    if comparison.better is None:
        return Message(
            "Over repeated trainings and test images like these {images}, the difference between "
            "{first} and {second}{by} is not established ({second} minus {first}: {details}){needed}.",
            **values,
        )
    return Message(
        "Over repeated trainings and test images like these {images}, {winner} is better than "
        "{loser}{by} ({details}).",
        **values,
    )


def statement_of_few_trainings(
    first: str, second: str, images: int, between: Sequence[float], least_seeds: int
) -> Message:
    """Of two recipes that no test can tell apart; `between` are the differences, second - first, of the
    accuracies of each training of the one and each of the other."""
    value = _number(round(100 * sum(between) / len(between), 9), 1, sign="+")
    return Message(
        "The difference between {first} and {second} is not established: too few trainings ({seeds} or "
        "more seeds of each are needed). Of {pairs} pairs of these trainings, {first} is more accurate "
        "on these {images} images in {wins} and {second} in {losses} ({second} minus {first}: "
        "{difference} in the mean).",
        first=first,
        second=second,
        seeds=least_seeds,
        pairs=len(between),
        images=images,
        wins=sum(one < 0 for one in between),
        losses=sum(one > 0 for one in between),
        difference=Message("{value} points", value=value, n=abs(value.value)),
    )


def statement_over_folds(comparison: Comparison, folds: int) -> Message:
    """The same of two models, told from their trainings on several folds."""
    values = _values(comparison) | {"folds": folds}
    if comparison.difference is None:
        return Message(
            "{first} and {second} cannot be compared over folds{by}: it is not defined in each of the "
            "{folds}.",
            **values,
        )
    if comparison.interval is None:
        return Message(
            "{first} and {second} cannot be compared over folds{by}: their difference is the same in "
            "each of the {folds}, which says nothing of how much another training would change.",
            **values,
        )
    if comparison.better is None:
        return Message(
            "Over {folds} folds, {images} images in all, the difference between {first} and "
            "{second}{by} is not established ({second} minus {first}: {details}){needed}.",
            **values,
        )
    return Message(
        "Over {folds} folds, {images} images in all, {winner} is better than {loser}{by} ({details}).",
        **values,
    )


def _values(comparison: Comparison) -> dict[str, Any]:
    """What a sentence may hold: names, the figure, the numbers from the side of the better one."""
    first, second, winner = comparison.first, comparison.second, comparison.better
    values = {"first": first, "second": second, "images": comparison.n, "by": BY[comparison.figure]}
    if comparison.interval is None:
        return values
    side = -1 if winner == first else 1
    loser = second if winner == first else first
    details, needed = _details(comparison, side), _needed(comparison)
    return values | {"winner": winner, "loser": loser, "details": details, "needed": needed}


def _details(comparison: Comparison, side: int) -> Message:
    """The difference, its interval and the p value; with several pairs the last two are corrected."""
    assert comparison.difference is not None
    assert comparison.interval is not None
    assert comparison.p_corrected is not None
    scale, decimals = (100, 1) if comparison.figure in IN_POINTS else (1, 3)
    low, high = sorted(scale * side * bound for bound in comparison.interval)
    ends = {"low": _number(low, decimals), "high": _number(high, decimals)}
    p = _probability(comparison.p_corrected)
    return Message(
        "{difference}, {interval}, {p}",
        difference=_difference(comparison.figure, side * comparison.difference, sign="+"),
        interval=Message("95 % interval, corrected, {low} to {high}", **ends)
        if comparison.pairs > 1
        else Message("95 % interval {low} to {high}", **ends),
        p=Message("{p} after correction", p=p) if comparison.pairs > 1 else p,
    )


def _difference(figure: str, value: float, sign: str = "") -> Message | Figure:
    if figure not in IN_POINTS:
        return _number(value, 3, sign)
    points = _number(100 * value, 1, sign)
    return Message("{value} points", value=points, n=abs(points.value))


def _needed(comparison: Comparison) -> str:
    if comparison.establishable is not None:
        return _establishable(comparison.figure, comparison.establishable)
    images, seeds = comparison.needed, comparison.needed_seeds
    if images is not None and images > MOST_IMAGES:
        return Message("; more than {images} test images would be needed", images=MOST_IMAGES)
    if seeds is not None and seeds > MOST_SEEDS:
        return Message("; more than {seeds} seeds of each would be needed", seeds=MOST_SEEDS)
    if images is None:
        if seeds is None:
            return ""
        return Message("; about {seeds} seeds of each would be needed", seeds=_about(seeds))
    if seeds is None:
        return Message("; about {images} test images would be needed", images=_about(images))
    return Message(
        "; more seeds alone would not do: about {images} test images, and {seeds} seeds of each, would "
        "be needed",
        images=_about(images),
        seeds=_about(seeds),
    )


def _about(count: int) -> int:
    """Rounded up to two digits."""
    step = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return math.ceil(count / step) * step


def _establishable(figure: str, difference: float) -> Message:
    if difference > most_difference(figure):
        return Message("; with such a spread, so many folds would establish no difference at all")
    return Message(
        "; with such a spread, so many folds would establish a difference of about {difference} four "
        "times of five",
        difference=_difference(figure, difference),
    )


def _number(value: float, decimals: int, sign: str = "") -> Figure:
    """Rounded, but to nothing that reads as zero unless it is."""
    if value:
        decimals = max(decimals, -math.floor(math.log10(abs(value))) if abs(value) < 1 else 0)
    return Figure(value, f"{sign if value else ''}.{decimals}f")


def _probability(p: float) -> Message:
    """Two significant digits, and more where these would cross the level of significance."""
    if p < 0.001:
        return Message("p < {p}", p=Figure(0.001, ".3f", is_chance=True))
    if p > 0.995:
        return Message("p = {p}", p=Figure(1.0, ".1f"))
    for digits in range(2, 17):
        places = digits - 1 - math.floor(math.log10(p))
        if (float(f"{p:.{places}f}") > ALPHA) == (p > ALPHA):
            break
    return Message("p = {p}", p=Figure(p, f".{places}f", is_chance=True))
