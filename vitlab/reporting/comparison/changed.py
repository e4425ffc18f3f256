"""What changes from one model to another: images, confusions, classes."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from vitlab.evaluation import changes
from vitlab.reporting.comparison.candidates import Candidate, Compared
from vitlab.reporting.comparison.recipes import Recipe

ALL_PAIRS = 4  # of so many last models at most, changes are listed between all


def changed(compared: Compared, recipes: Sequence[Recipe], chosen: Recipe) -> list[dict[str, Any]]:
    """From a phase to the next, and between the last models of the recipes (S0-25); of more than
    ALL_PAIRS recipes, from the chosen one to each other. Of several seeds the first stands for all:
    what changes between seeds is chance.
    """
    names = compared.class_names
    rows = []
    for before, after in _steps(compared.candidates, recipes, chosen):
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


def last_models(recipes: Sequence[Recipe]) -> list[Candidate]:
    """Of each recipe of a last phase the first model."""
    return [recipe.models[0] for recipe in recipes if recipe.models[0].is_last]


def _steps(
    candidates: Sequence[Candidate], recipes: Sequence[Recipe], chosen: Recipe
) -> Iterator[tuple[Candidate, Candidate]]:
    firsts = {recipe.models[0].name for recipe in recipes}
    for before, after in itertools.pairwise(candidates):
        if before.run is after.run and after.name in firsts:
            yield before, after
    last = last_models(recipes)
    if len(last) <= ALL_PAIRS:
        yield from itertools.combinations(last, 2)
    else:
        first = chosen.models[0]
        yield from ((first, other) for other in last if other.run is not first.run)
