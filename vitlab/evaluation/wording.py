"""What a comparison says, in words: the sentences about statistics are all here, by language."""

import math
from dataclasses import dataclass

from vitlab.evaluation.comparison import ALPHA, Comparison

IN_POINTS = frozenset({"accuracy", "balanced_accuracy", "top_5_accuracy"})
MOST_IMAGES = 1_000_000  # beyond this a number of images is no advice


@dataclass(frozen=True)
class Wording:
    """The sentences of a language, as format strings, and how it writes a number.

    `details` are the difference (`points` or `difference`), the interval and the p value, the last two
    in the words for one pair or for several (`intervals`, `corrected`); `by` is one of the `figures`.
    """

    better: str
    not_established: str
    undefined: str
    points: str
    difference: str
    interval: str
    intervals: str
    p: str
    corrected: str
    needed: str
    too_many: str
    figures: dict[str, str]
    decimal: str
    thousands: str


ENGLISH = Wording(
    better="{winner} is better than {loser} on these {n} images{by} ({details})",
    not_established="the difference between {first} and {second} on these {n} images{by} is not "
    "established ({second} minus {first}: {details})",
    undefined="{first} and {second} cannot be compared{by}: it is not defined on these {n} images",
    points="{value} points",
    difference="{value}",
    interval="95 % interval {low} to {high}",
    intervals="95 % interval, corrected, {low} to {high}",
    p="p {p}",
    corrected="p {p} after correction",
    needed="; about {count} test images would be needed",
    too_many="; more than {count} test images would be needed",
    figures={
        "accuracy": "",
        "balanced_accuracy": " by balanced accuracy",
        "top_5_accuracy": " by top-5 accuracy",
        "kappa": " by Cohen's kappa",
        "matthews": " by Matthews' correlation",
        "macro.precision": " by macro precision",
        "macro.recall": " by macro recall",
        "macro.f1": " by macro F1",
        "weighted.precision": " by weighted precision",
        "weighted.recall": " by weighted recall",
        "weighted.f1": " by weighted F1",
        "loss": " by loss",
        "brier": " by Brier score",
        "ece": " by calibration error",
        "roc_auc": " by ROC-AUC",
    },
    decimal=".",
    thousands=",",
)


def statement(comparison: Comparison, wording: Wording = ENGLISH) -> str:
    """One sentence, without its full stop: who is better, or that this is not established.

    A difference is told from the side of the better model; without one, of the second. No number is
    rounded to the other side of 0, or of the level of significance.
    """
    by = wording.figures[comparison.figure]
    n = _whole(comparison.n, wording)
    if comparison.difference is None:
        return wording.undefined.format(first=comparison.first, second=comparison.second, n=n, by=by)
    winner = comparison.better
    if winner is None:
        sentence = wording.not_established.format(
            first=comparison.first,
            second=comparison.second,
            n=n,
            by=by,
            details=_details(comparison, 1, wording),
        )
        return sentence + _needed(comparison, wording)
    loser = comparison.first if winner == comparison.second else comparison.second
    side = 1 if winner == comparison.second else -1
    details = _details(comparison, side, wording)
    return wording.better.format(winner=winner, loser=loser, n=n, by=by, details=details)


def _details(comparison: Comparison, side: int, wording: Wording) -> str:
    assert comparison.difference is not None
    assert comparison.interval is not None
    assert comparison.p_corrected is not None
    in_points = comparison.figure in IN_POINTS
    scale, decimals = (100 * side, 1) if in_points else (side, 3)
    low, high = sorted(scale * bound for bound in comparison.interval)
    template = wording.points if in_points else wording.difference
    several = comparison.pairs > 1
    return ", ".join(
        (
            template.format(value=_signed(scale * comparison.difference, decimals, wording)),
            (wording.intervals if several else wording.interval).format(
                low=_number(low, decimals, wording), high=_number(high, decimals, wording)
            ),
            (wording.corrected if several else wording.p).format(
                p=_probability(comparison.p_corrected, wording)
            ),
        )
    )


def _needed(comparison: Comparison, wording: Wording) -> str:
    if comparison.needed is None:
        return ""
    if comparison.needed > MOST_IMAGES:
        return wording.too_many.format(count=_whole(MOST_IMAGES, wording))
    step = 10 ** max(0, math.floor(math.log10(comparison.needed)) - 1)
    return wording.needed.format(count=_whole(math.ceil(comparison.needed / step) * step, wording))


def _number(value: float, decimals: int, wording: Wording) -> str:
    """Rounded, but to nothing that reads as zero unless it is."""
    if value:
        decimals = max(decimals, -math.floor(math.log10(abs(value))) if abs(value) < 1 else 0)
    text = f"{value:.{decimals}f}".replace(".", wording.decimal)
    return text.replace("-", "\N{MINUS SIGN}")


def _signed(value: float, decimals: int, wording: Wording) -> str:
    return ("+" if value > 0 else "") + _number(value, decimals, wording)


def _probability(p: float, wording: Wording) -> str:
    """Two significant digits, and more where these would cross the level of significance."""
    if p < 0.001:
        return f"< {wording.decimal}001"
    if p > 0.995:
        return f"= 1{wording.decimal}0"
    for digits in range(2, 17):
        places = digits - 1 - math.floor(math.log10(p))
        text = f"{p:.{places}f}"
        if (float(text) > ALPHA) == (p > ALPHA):
            break
    return "= " + text.removeprefix("0").replace(".", wording.decimal)


def _whole(count: int, wording: Wording) -> str:
    return f"{count:,}".replace(",", wording.thousands)
