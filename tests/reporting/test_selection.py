"""The order to choose by: validation accuracy, and the loss only where that is equal."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vitlab.reporting.comparison.verdicts import selection, tied_with_first

VERDICT = {"first": "one", "second": "other", "better": None}


def chosen_of(accuracies: dict[str, list[float]], losses: dict[str, float]) -> list[dict[str, Any]]:
    recipes: list[Any] = []
    every = {}
    for number, (name, values) in enumerate(accuracies.items(), 1):
        models = [SimpleNamespace(name=f"{name}{seed}") for seed in range(len(values))]
        recipes.append(SimpleNamespace(name=name, number=number, models=models))
        for model, value in zip(models, values, strict=True):
            val = {"accuracy": value, "loss": losses[name]}
            every[model.name] = {"val": val, "test": {"accuracy": value, "n": 100}}
    return selection(recipes, every, [VERDICT])


def test_equal_means_that_rounding_sets_apart_are_equal():
    """The same accuracies in another order of seeds; the last bit of their means differs."""
    accuracies = {"one": [0.1, 0.2, 0.3], "other": [0.3, 0.2, 0.1]}
    assert np.mean(accuracies["one"]) > np.mean(accuracies["other"])
    rows = chosen_of(accuracies, {"one": 0.9, "other": 0.1})
    assert [row["model"] for row in rows] == ["other", "one"]
    assert tied_with_first(rows) == ["one"]


@pytest.mark.parametrize("loss", [0.1, 0.9])
def test_the_loss_is_asked_only_of_equals(loss: float):
    rows = chosen_of({"one": [0.5, 0.5, 0.5], "other": [0.5, 0.5, 0.51]}, {"one": loss, "other": 0.5})
    assert [row["model"] for row in rows] == ["other", "one"]
    assert tied_with_first(rows) == []
