"""The order to choose by: validation accuracy, and the loss only where that is equal."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.reporting.made_runs import invented_split, make_run
from tests.reporting.pages import compare
from vitlab.reporting.comparison.verdicts import selection, tied_with_first

VERDICT = {"first": "one", "second": "other", "better": None, "p_corrected": 0.5}


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


@pytest.mark.parametrize(
    ("accuracies", "chances", "lead"),
    [
        ((0.9, 0.6), (1, 2), "one has the highest validation accuracy, which is what to choose by."),
        (
            (0.6, 1.0, 1.0),
            (1, 2, 3),
            "FIRST and OTHER have the same, highest validation accuracy; FIRST",
        ),
        (
            (0.9, 0.9),
            (1, 1),
            "one and two have the same, highest validation accuracy; of those with the",
        ),
    ],
)
def test_the_headline_says_who_shares_the_highest_accuracy(
    accuracies: tuple[float, ...], chances: tuple[int, ...], lead: str, tmp_path: Path
):
    split = invented_split(["a", "b"], 60)
    named = zip(("one", "two", "three"), ("vit", "cnn", "vgg16"), accuracies, chances, strict=False)
    paths = [
        make_run(tmp_path / name, split, {"t": accuracy}, chance=chance, network=network)
        for name, network, accuracy, chance in named
    ]
    page, found = compare(paths, tmp_path / "out")
    first = found["selection"][0]
    other = (found["tied_with_chosen"] or [""])[0]
    assert lead.replace("FIRST", first["model"]).replace("OTHER", other) in page.words
    assert found["alike_on_validation"] == (chances == (1, 1))
    assert f"On the test images its accuracy is {100 * first['accuracy']:.2f} %" in page.words
    if len(accuracies) == 3:
        assert {first["model"], other} == {"two", "three"}
        assert first["val_loss"] < found["selection"][1]["val_loss"]
