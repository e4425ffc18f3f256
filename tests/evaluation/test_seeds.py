"""Repeated trainings of two recipes: no claim from luck, from two seeds, or from these images alone."""

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn

from vitlab.evaluation import (
    Comparison,
    Measured,
    Predictions,
    compare_seeds,
    mcnemar,
    measured,
    paired_interval,
    seed_test,
    statement_over_seeds,
)
from vitlab.evaluation.bootstrap import effective_number
from vitlab.evaluation.calibration import losses

IMAGES = 200


def trained(accuracies: list[float], chance: int, images: int = IMAGES) -> dict[int, np.ndarray]:
    """By seed, which images are answered rightly; each image has its own chance to be."""
    generator = np.random.default_rng(chance)
    hard = generator.random(images)
    return {
        seed: generator.permuted(hard.reshape(-1, 4), axis=1).ravel() < accuracy
        for seed, accuracy in enumerate(accuracies)
    }


def of_accuracy(recipe: Mapping[int, np.ndarray], network: str = "vit") -> Measured:
    right = np.array([*recipe.values()], float)
    return Measured(tuple(recipe), right.mean(axis=1), right / right.shape[1], None, network)


def compared(**recipes: Mapping[int, np.ndarray]) -> list[Comparison]:
    by_name = {name: {"accuracy": of_accuracy(recipe)} for name, recipe in recipes.items()}
    return compare_seeds(by_name, "accuracy")


def answering(accuracies: list[float], chance: int, images: int = IMAGES) -> dict[int, Predictions]:
    """By seed, what trainings of a recipe answer, with logits, to images that it finds hard."""
    generator = np.random.default_rng(chance)
    labels = np.arange(images) % 4
    hard = generator.normal(size=(images, 4))
    found = {}
    for seed, accuracy in enumerate(accuracies):
        logits = 0.9 * hard + 0.4 * generator.normal(size=(images, 4))
        logits[np.arange(images), labels] += stats.norm.ppf(accuracy) + 1.2
        found[seed] = Predictions(labels.astype(str), labels, logits)
    return found


FIRST = trained([0.70, 0.72, 0.69, 0.73], 1)
SECOND = trained([0.92, 0.93, 0.90, 0.94], 2)


def means(recipe: dict[int, np.ndarray]) -> list[float]:
    return [float(right.mean()) for right in recipe.values()]


def mins_of_f(f_of_seeds: float, seeds: float, f_of_images: float, images: float) -> float:
    """The p value of min F' as Clark (1973, p. 347) writes it, of two F values and their freedoms."""
    least = f_of_seeds * f_of_images / (f_of_seeds + f_of_images)
    freedom = (f_of_seeds + f_of_images) ** 2 / (f_of_seeds**2 / images + f_of_images**2 / seeds)
    return float(stats.f.sf(least, 1, freedom))


@pytest.mark.parametrize(
    ("network", "later", "is_paired"), [("vit", 0, True), ("vit", 10, False), ("cnn", 0, False)]
)
def test_seeds_and_images_are_both_chance_as_in_clarks_min_f(network: str, later: int, is_paired: bool):
    """From SciPy's t-tests over the seeds, and over the images, of the same mean difference. Other
    seeds are not paired, nor the same of another network."""
    second = {seed + later: right for seed, right in SECOND.items()}
    found = seed_test(of_accuracy(FIRST), of_accuracy(second, network))
    assert found.paired == is_paired
    values = means(second), means(FIRST)
    over_seeds = stats.ttest_rel(*values) if is_paired else stats.ttest_ind(*values, equal_var=False)
    of_images = [np.mean([*recipe.values()], axis=0) for recipe in (second, FIRST)]
    over_images = stats.ttest_rel(*of_images)
    assert found.difference == pytest.approx(np.mean(values[0]) - np.mean(values[1]))
    assert found.difference / found.spread.error_of_seeds == pytest.approx(over_seeds.statistic)
    assert found.difference / found.spread.error_of_images == pytest.approx(over_images.statistic)
    freedom = effective_number(of_images[0] - of_images[1]) - 1
    together = mins_of_f(over_seeds.statistic**2, over_seeds.df, over_images.statistic**2, freedom)
    alone = 2 * stats.t.sf(over_images.statistic, freedom)
    assert found.p == pytest.approx(max(over_seeds.pvalue, alone, together))


def test_interval_and_p_agree_at_every_level():
    third = trained([0.78, 0.75, 0.77, 0.74], 3)
    for level in (0.5, 0.1, 0.05, 0.01, 1e-3, 1e-4):
        found = seed_test(of_accuracy(FIRST), of_accuracy(third), 1 - level)
        assert found.p is not None
        assert found.interval is not None
        low, high = found.interval
        assert (found.p <= level) == (low > 0 or high < 0)


def test_seeds_that_differ_alike_leave_the_test_images_to_decide():
    """Each seed of the second answers ten more images rightly, and no other otherwise."""
    first = trained([0.6, 0.7, 0.65], 4)
    wrong_for_all = np.flatnonzero(~np.any([*first.values()], axis=0))[:10]
    shifted = {seed: right | np.isin(np.arange(IMAGES), wrong_for_all) for seed, right in first.items()}
    found = seed_test(of_accuracy(first), of_accuracy(shifted))
    assert found.spread.error_of_seeds == pytest.approx(0, abs=1e-12)
    assert found.p == pytest.approx(mcnemar(10, 0))
    (told,) = compared(a=first, b=shifted)
    assert told.better == "b"
    assert "seed differs" not in statement_over_seeds(told)
    few = {seed: right | np.isin(np.arange(IMAGES), wrong_for_all[:3]) for seed, right in first.items()}
    (told,) = compared(a=first, b=few)
    assert told.better is None


@pytest.mark.filterwarnings("error")  # of NumPy, which would reach the terminal
def test_where_neither_seed_nor_image_differs_nothing_can_be_told_but_by_counts():
    nothing, everything = ({seed: np.full(9, value) for seed in range(3)} for value in (False, True))
    (told,) = compared(a=nothing, b=everything)
    assert (told.p, told.better) == (pytest.approx(mcnemar(9, 0)), "b")  # their number tells it
    (told,) = compared(a=everything, b=everything | {3: everything[0]})
    assert (told.p, told.interval, told.better) == (None, None, None)
    assert "the same for each seed and each image" in statement_over_seeds(told)


def test_two_seeds_are_too_few():
    two = {seed: FIRST[seed] for seed in (0, 1)}
    assert compared(a=FIRST, b=two) == []
    found = compared(a=FIRST, b=two, c=SECOND)
    assert [(one.first, one.second) for one in found] == [("a", "c")]


def test_holms_correction_is_over_all_pairs_and_the_interval_agrees_with_it():
    third = trained([0.75, 0.76, 0.74, 0.73], 5)
    found = compared(a=FIRST, b=SECOND, c=third)
    ps = np.array([one.p for one in found], float)
    order = np.argsort(ps)
    worst = np.maximum.accumulate(ps[order] * [3, 2, 1])
    for index, corrected in zip(order, worst, strict=True):
        one = found[index]
        assert one.p_corrected == pytest.approx(min(1, corrected))
        assert one.interval is not None
        assert (corrected <= 0.05) == (one.interval[0] > 0 or one.interval[1] < 0)


def test_the_sentence_names_the_better_and_what_it_generalises_over():
    (found,) = compared(**{"cnn (4 seeds)": FIRST, "vit (4 seeds)": SECOND})
    assert found.interval is not None
    low, high = (100 * end for end in found.interval)
    assert statement_over_seeds(found).startswith(
        "Over repeated trainings and test images like these 200, vit (4 seeds) is better than cnn (4 "
        f"seeds) (+{100 * (found.difference or 0):.1f} points, 95 % interval {low:.1f} to {high:.1f}, p "
    )


@pytest.mark.parametrize("seeds", [3, 10])
def test_equal_recipes_that_find_other_images_hard_are_called_different_in_at_most_a_twentieth(
    seeds: int,
):
    """Of equal accuracy on all images, not on these 150; a test of the seeds alone claims often."""
    generator = np.random.default_rng(0)
    claims, of_seeds_alone = 0, 0
    for _ in range(1000):
        chances = generator.beta(0.45, 0.05, (2, 1, 150))
        first, second = generator.random((2, seeds, 150)) < chances
        found = seed_test(of_accuracy(dict(enumerate(first))), of_accuracy(dict(enumerate(second))))
        claims += found.p is not None and found.p <= 0.05
        limit = stats.t.isf(0.025, seeds - 1) * found.spread.error_of_seeds
        of_seeds_alone += abs(found.difference) > limit
    assert claims / 1000 < 0.06
    assert of_seeds_alone / 1000 > 0.15


def test_of_any_figure_the_seeds_error_is_students_and_the_images_that_of_stratified_resamples():
    """Of a loss in closed form, of macro F1 against resampled images and scikit-learn."""
    first, second = answering([0.7, 0.75, 0.72], 1), answering([0.8, 0.85, 0.78], 2)
    recipes = [measured(recipe, ["macro.f1", "loss"], 0, 4000) for recipe in (first, second)]
    found = {
        figure: seed_test(recipes[0][figure], recipes[1][figure]) for figure in ("macro.f1", "loss")
    }
    labels = first[0].labels

    def macro_f1(rows: np.ndarray) -> list[float]:
        return [
            np.mean(
                [sklearn.f1_score(labels[rows], one.answers[rows], average="macro") for one in recipe]
            )
            for recipe in ([*first.values()], [*second.values()])
        ]

    f1s = [
        [sklearn.f1_score(labels, one.answers, average="macro") for one in recipe.values()]
        for recipe in (second, first)
    ]
    over_seeds = stats.ttest_rel(*f1s)
    test = found["macro.f1"]
    assert test.difference / test.spread.error_of_seeds == pytest.approx(over_seeds.statistic)
    assert test.spread.freedom_of_seeds == over_seeds.df
    of_class = [np.flatnonzero(labels == label) for label in range(4)]
    generator = np.random.default_rng(3)
    drawn = [
        np.diff(macro_f1(np.concatenate([generator.choice(rows, len(rows)) for rows in of_class])))
        for _ in range(300)
    ]
    assert test.spread.error_of_images == pytest.approx(np.std(drawn), rel=0.15)
    values = np.mean([losses(second[seed]) - losses(first[seed]) for seed in range(3)], axis=0)
    variances = [values[rows].var(ddof=1) * len(rows) for rows in of_class]
    closed = np.sqrt(sum(variances)) / len(labels)
    assert found["loss"].spread.error_of_images == pytest.approx(closed, rel=0.05)


def test_the_accuracy_needs_no_resamples_and_other_figures_are_left_out_where_they_are_not_known():
    one_class = np.zeros(20, int)
    always = {
        seed: Predictions(one_class.astype(str), one_class, np.eye(2)[one_class]) for seed in range(3)
    }
    assert set(measured(always, ["kappa", "loss"], 0, 50)) == {"accuracy", "loss"}
    assert set(measured(always, [], 0, 50)) == {"accuracy"}
    each = np.arange(20)
    singles = {seed: Predictions(each.astype(str), each, np.eye(20)) for seed in range(3)}
    assert set(measured(singles, ["macro.f1", "loss"], 0, 50)) == {"accuracy", "loss"}
    few = {seed: one.select(np.arange(19)) for seed, one in always.items()}
    assert set(measured(few, ["loss"], 0, 50)) == {"accuracy"}
    (told,) = compare_seeds(
        {"a": measured(always, ["kappa"], 0, 50)} | {"b": measured(always, ["kappa"], 0, 50)}, "kappa"
    )
    assert (told.difference, told.pairs) == (None, 0)
    assert "by Cohen's kappa: it is not defined for each of them" in statement_over_seeds(told)


def test_by_macro_f1_and_loss_equal_recipes_are_called_different_in_at_most_a_twentieth():
    generator = np.random.default_rng(0)
    figures, sets = ["macro.f1", "loss"], 250
    claims = dict.fromkeys(figures, 0)
    for index in range(sets):
        recipes = [
            measured(
                answering([*generator.normal(0.8, 0.02, 3)], 2 * index + place, 100), figures, index, 200
            )
            for place in range(2)
        ]
        for figure in figures:
            found = seed_test(recipes[0][figure], recipes[1][figure])
            claims[figure] += found.p is not None and found.p <= 0.05
    assert max(claims.values()) / sets < 0.07


def missing(seeds: int, wrong: int, images: int = 68) -> dict[int, np.ndarray]:
    return {seed: np.arange(images) >= wrong for seed in range(seeds)}


@pytest.mark.parametrize("wrong", [1, 3, 6, 8])
def test_where_seeds_agree_and_few_images_decide_it_is_as_with_one_training_each(wrong: int):
    """Not wider than McNemar's: of a spread that so few images have, next to nothing is known."""
    found = seed_test(of_accuracy(missing(3, 0)), of_accuracy(missing(3, wrong)))
    low, high = paired_interval(0, wrong, 68)
    assert found.interval is not None
    assert found.interval[0] == pytest.approx(low) or found.interval[0] > low
    assert found.interval[1] == pytest.approx(high)
    assert found.p is not None
    by_t = 2 * stats.t.sf(np.sqrt(wrong), max(1, wrong - 1))  # with the deviation of all 68 images
    assert found.p == pytest.approx(min(mcnemar(0, wrong), by_t), rel=0.1)
    assert (found.p <= 0.05) == (wrong >= 6)
    differing = missing(3, wrong) | {1: np.arange(68) >= wrong + 1}
    wider = seed_test(of_accuracy(missing(3, 0)), of_accuracy(differing))
    assert wider.interval is not None
    assert wider.interval[0] < found.interval[0]  # the luck of a training is chance as well


def test_a_single_test_image_says_nothing_of_others():
    wrong = missing(3, 1, 1)
    (told,) = compared(a=missing(3, 0, 1), b=wrong | {0: np.ones(1, bool)})
    assert (told.p, told.interval, told.better) == (None, None, None)


def test_recipes_that_hardly_miss_an_image_are_compared():
    """What would be needed is looked for among seeds and images without number, of which no error is
    left. A recipe that is right, and one that hardly ever is, have counts that are no whole numbers."""
    for images in (100, 1000):
        right, other = missing(4, 0, images), missing(3, 0, images)
        right[1] = np.arange(images) != 7
        other[2] = np.arange(images) != 9
        (told,) = compared(a=right, b=other)
        assert told.p is not None
        assert told.p > 0.05
        wrong = missing(3, images, images) | {1: np.arange(images) >= images - 1}
        (told,) = compared(a=missing(3, 0, images), b=wrong)
        assert told.better == "a"
        assert told.interval is not None
        assert -1 <= told.interval[0] < told.interval[1] < -0.9


def test_an_interval_does_not_go_beyond_what_a_difference_can_be():
    """Of macro F1 by resamples that are far apart: of the spread next to nothing is known."""
    accuracy = of_accuracy(missing(3, 1, images=9))
    first = Measured((0, 1, 2), np.full(3, 0.9), np.zeros((3, 9)), np.zeros(2))
    second = Measured((0, 1, 2), np.full(3, 0.6), np.zeros((3, 9)), np.array([-0.4, 0.4]))
    found = seed_test(first, second)
    assert found.interval is not None
    assert found.interval[0] < -1
    assert found.freedom == 1
    recipes = {
        name: {"accuracy": accuracy, "macro.f1": one} for name, one in (("a", first), ("b", second))
    }
    (told,) = compare_seeds(recipes, "macro.f1")
    assert told.interval is not None
    assert told.interval[0] == -1
    assert told.p == found.p
