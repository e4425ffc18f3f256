"""The tables of a comparison that a page has in pieces: neither a screen nor a sheet is so wide."""

import math
from collections.abc import Mapping
from dataclasses import replace

from vitlab.reporting.tables import Table

MODELS = 5  # at most beside each other, class by class
SCORES = 3  # columns of each
MEANS = ("macro.", "weighted.", "roc_auc", "average_precision")


def narrow_tables(whole: Mapping[str, Table]) -> dict[str, Table]:
    """By name: of the `figures` the means over classes as a table of their own; of the `classes` one for
    every few models."""
    figures, classes = whole["figures"], whole["classes"]
    means = tuple(one for one in figures.columns if one.key.startswith(MEANS))
    others = tuple(one for one in figures.columns if one not in means)
    cut = {
        "figures": replace(figures, columns=others),
        "means": replace(figures, name="means", columns=(*others[:2], *means)),
    }
    named, scores = classes.columns[:2], classes.columns[2:]
    models = len(scores) // SCORES
    step = SCORES * math.ceil(models / math.ceil(models / MODELS))  # tables of one width
    for begins in range(0, len(scores), step):
        name = f"classes_{begins // SCORES + 1}" if begins else "classes"
        few = scores[begins : begins + step]
        cut[name] = replace(classes, name=name, columns=(*named, *few))
    return cut
