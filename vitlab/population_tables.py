"""What a population says at its end: each setting over its seeds and folds, and what mattered."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev, variance
from typing import Any

from vitlab.progress import say
from vitlab.text_table import UNKNOWN, text_table

SETTINGS = ("hidden", "dropout", "learning_rate", "weight_decay")
MOST_ROWS = 30  # of the settings, the best ones; members.csv has all

Row = Mapping[str, Any]


def say_tables(rows: Sequence[Row], varied: Mapping[str, Sequence[float]]) -> None:
    """Of the members' rows. Settings come with the highest mean validation accuracy first, which is what
    to choose by; their test accuracy is what was to be known."""
    by_setting = defaultdict(list)
    for row in rows:
        by_setting[tuple(row[name] for name in SETTINGS)].append(row)
    ordered = sorted(by_setting.items(), key=lambda item: -_mean(item[1], "val_accuracy"))
    titles = (*SETTINGS, "n", "val accuracy", "test accuracy", "std", "variance")
    lines = [
        (*(f"{value:g}" for value in setting), *_figures(members))
        for setting, members in ordered[:MOST_ROWS]
    ]
    say("", "Each setting over its seeds and folds, the best on the validation part first:", "")
    say(*text_table(titles, lines, left=0).split("\n"))
    if len(ordered) > MOST_ROWS:
        say(f"... and {len(ordered) - MOST_ROWS} more settings; members.csv has them all")
    if varied:
        _say_what_mattered(rows, varied)
    lost = sum(row["diverged"] for row in rows)
    if lost:
        say("", f"warning: the loss of {lost} heads became no number; they count with the best they had")


def _say_what_mattered(rows: Sequence[Row], varied: Mapping[str, Sequence[float]]) -> None:
    lines = []
    for name, values in varied.items():
        for value in values:
            some = [row for row in rows if row[name] == value]
            lines.append((name, f"{value:g}", *_figures(some)))
    titles = ("what", "value", "n", "val accuracy", "test accuracy", "std", "variance")
    say("", "Each value over all else:", "")
    say(*text_table(titles, lines).split("\n"))


def _figures(rows: Sequence[Row]) -> tuple[str, ...]:
    """The count; means; standard deviation and variance of the test accuracy, by n - 1."""
    test = [row["test_accuracy"] for row in rows]
    spread = (f"{stdev(test):.4f}", f"{variance(test):.6f}") if len(test) > 1 else (UNKNOWN, UNKNOWN)
    return (str(len(rows)), f"{_mean(rows, 'val_accuracy'):.4f}", f"{fmean(test):.4f}", *spread)


def _mean(rows: Sequence[Row], name: str) -> float:
    return fmean(row[name] for row in rows)
