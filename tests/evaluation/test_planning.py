"""What would establish a difference, against how often it does so in simulated trainings and folds."""

from dataclasses import replace

import numpy as np
import pytest

from vitlab.evaluation import (
    Comparison,
    Measured,
    compare_folds,
    compare_seeds,
    seed_test,
    statement_over_folds,
    statement_over_seeds,
)
from vitlab.evaluation.planning import needed_trainings
from vitlab.evaluation.spread import Spread


class Recipes:
    """Two whose means are that far apart; deviations of a training, an image, and of both at once."""

    def __init__(self, difference: float, training: float, image: float, both: float):
        self.difference, self.deviations = difference, (training, image, both)

    def spread(self, seeds: int, images: int, *, paired: bool) -> Spread:
        training, image, both = np.square(self.deviations)
        error = np.sqrt((2 * image + 2 * both / seeds) / images)
        variance, noise = training + both / images, both / images
        freedom = images / 3 - 1  # of normal values Kish's number is a third
        if paired:
            return Spread((seeds,), (2 * variance,), error, freedom, (2 * noise,))
        return Spread((seeds,) * 2, (variance,) * 2, error, freedom, (noise,) * 2)

    def power(self, seeds: int, images: int, *, paired: bool, sets: int = 400) -> float:
        generator = np.random.default_rng(0)
        return float(
            np.mean([self._is_established(seeds, images, generator, paired=paired) for _ in range(sets)])
        )

    def _is_established(
        self, seeds: int, images: int, generator: np.random.Generator, *, paired: bool
    ) -> bool:
        training, image, both = self.deviations
        recipes = []
        for place in range(2):
            values = place * self.difference + training * generator.normal(size=(seeds, 1))
            values = values + image * generator.normal(size=(1, images))
            values += both * generator.normal(size=(seeds, images))
            named = tuple(range(seeds) if paired else range(place * seeds, (place + 1) * seeds))
            recipes.append(Measured(named, values.mean(axis=1), values / images, np.zeros(2)))
        # Of no accuracy, so that it is told by resamples: two with the deviation that many would have.
        moved = recipes[1].influences.mean(axis=0) - recipes[0].influences.mean(axis=0)
        error = moved.std(ddof=1) * np.sqrt(images)
        recipes[1] = replace(recipes[1], resampled=np.array([0, error * np.sqrt(2)]))
        found = seed_test(recipes[0], recipes[1])
        return found.p is not None and found.p <= 0.05 and found.difference > 0


@pytest.mark.parametrize("paired", [True, False])
def test_so_many_seeds_establish_such_a_difference_four_times_of_five(paired: bool):
    recipes = Recipes(0.04, training=0.02, image=0.1, both=0.1)
    seeds, images = needed_trainings(recipes.spread(3, 150, paired=paired), 0.04, 150, 0.05)
    assert images is None
    assert seeds is not None
    assert 10 < seeds < 30
    assert recipes.power(seeds, 150, paired=paired) == pytest.approx(0.8, abs=0.07)
    assert recipes.power(3, 150, paired=paired) < 0.4


def test_where_the_images_forbid_it_more_of_them_and_so_many_seeds_do():
    recipes = Recipes(0.02, training=0.005, image=0.2, both=0.3)
    seeds, images = needed_trainings(recipes.spread(3, 200, paired=True), 0.02, 200, 0.05)
    assert seeds is not None
    assert images is not None
    assert recipes.power(1000, 200, paired=True, sets=60) < 0.5
    assert recipes.power(seeds, images, paired=True, sets=200) == pytest.approx(0.8, abs=0.1)


def test_of_no_difference_and_of_an_established_one_nothing_is_needed():
    spread = Recipes(0.04, training=0.02, image=0.1, both=0.1).spread(3, 150, paired=True)
    for difference in (0.0, 0.9):
        assert needed_trainings(spread, difference, 150, 0.05) == (None, None)


def test_grown_by_nothing_the_spread_is_what_it_was():
    for paired in (True, False):
        recipes = Recipes(0.04, training=0.02, image=0.1, both=0.1)
        spread = recipes.spread(5, 150, paired=paired)
        assert spread.grown(5, 1).towards_zero(0.05) == pytest.approx(spread.towards_zero(0.05))
        more, true = spread.grown(20, 4), recipes.spread(20, 600, paired=paired)
        assert more.error_of_seeds == pytest.approx(true.error_of_seeds)
        assert more.error_of_images == pytest.approx(true.error_of_images)
        assert more.freedom_of_seeds == pytest.approx(true.freedom_of_seeds)
        assert more.freedom_of_images == pytest.approx(true.freedom_of_images)


def test_where_a_handful_of_images_decides_no_number_of_seeds_is_said():
    """Of five images that some seed misses; with a sixth there is one, of more seeds than there are."""
    images = 60
    perfect = Measured((0, 1, 2), np.ones(3), np.ones((3, images)) / images, None, "vit")
    for missed, is_said in ((1, False), (5, False), (6, True)):
        right = np.ones((3, images))
        right[np.array([0, 1, 1, 2, 2, 2])[:missed], np.arange(missed)] = 0
        first = Measured((0, 1, 2), right.mean(axis=1), right / images, None, "cnn")
        (told,) = compare_seeds({"a": {"accuracy": first}, "b": {"accuracy": perfect}}, "accuracy")
        assert told.better is None
        assert told.needed is None
        assert (told.needed_seeds is not None) == is_said
        assert told.needed_seeds is None or told.needed_seeds > 3


@pytest.mark.parametrize("folds", [3, 10])
def test_folds_establish_the_difference_that_they_are_said_to_four_times_of_five(folds: int):
    """Where, as Nadeau and Bengio have it, trainings share what the ratio of test to train says."""
    generator, established = np.random.default_rng(0), 0
    error = 0.01 * np.sqrt(1 / folds + 1 / 4)
    spread = compare_folds(np.zeros(folds), 0.01 * stretched(folds), 1, 4)
    assert spread.establishable is not None
    difference = spread.establishable
    assert 3 * error < difference < 7 * error
    for _ in range(1500):
        own, common = generator.normal(size=folds), generator.normal() * np.sqrt(1 / 4)
        found = compare_folds(np.zeros(folds), difference + 0.01 * (own + common), 1, 4)
        established += found.p is not None and found.p <= 0.05
    assert established / 1500 == pytest.approx(0.8, abs=0.03)


def stretched(count: int) -> np.ndarray:
    """Values whose deviation is 1."""
    values = np.arange(count) - (count - 1) / 2
    return values / values.std(ddof=1)


def told(
    needed: int | None = None, needed_seeds: int | None = None, establishable: float | None = None
) -> Comparison:
    numbers = (0.01, (-0.1, 0.12), 0.4, 0.4, 1, needed, needed_seeds, establishable)
    return Comparison("a", "b", "accuracy", 150, *numbers)


def test_what_is_needed_is_said_and_no_number_that_is_no_advice():
    assert statement_over_seeds(told(needed_seeds=17)).endswith(
        "); about 17 seeds of each would be needed."
    )
    assert "more than 1,000 seeds of each" in statement_over_seeds(told(needed_seeds=1001))
    both = statement_over_seeds(told(needed=1234, needed_seeds=8))
    assert "; more seeds alone would not do: about 1,300 test images, and 8 seeds of each, would" in both
    many = statement_over_seeds(told(needed=3_000_000, needed_seeds=8))
    assert many.endswith("; more than 1,000,000 test images would be needed.")
    assert statement_over_seeds(told()).endswith("p = .40).")
    assert statement_over_folds(told(establishable=0.0312), 5).endswith(
        "so many folds would establish a difference of about 3.1 points four times of five."
    )
    assert statement_over_folds(told(establishable=1.2), 2).endswith(
        "so many folds would establish no difference at all."
    )
