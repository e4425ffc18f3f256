"""Repeated trainings of two recipes: no claim from luck, from two seeds, or from these images alone."""

import numpy as np
import pytest
from scipy import stats

from vitlab.evaluation import compare_seeds, seed_test, statement_over_seeds
from vitlab.evaluation.bootstrap import effective_number

IMAGES = 200


def trained(accuracies: list[float], chance: int, images: int = IMAGES) -> dict[int, np.ndarray]:
    """By seed, which images are answered rightly; each image has its own chance to be."""
    generator = np.random.default_rng(chance)
    hard = generator.random(images)
    return {
        seed: generator.permuted(hard.reshape(-1, 4), axis=1).ravel() < accuracy
        for seed, accuracy in enumerate(accuracies)
    }


FIRST = trained([0.70, 0.72, 0.69, 0.73], 1)
SECOND = trained([0.92, 0.93, 0.90, 0.94], 2)


def means(recipe: dict[int, np.ndarray]) -> list[float]:
    return [float(right.mean()) for right in recipe.values()]


def mins_of_f(f_of_seeds: float, seeds: float, f_of_images: float, images: float) -> float:
    """The p value of min F' as Clark (1973, p. 347) writes it, of two F values and their freedoms."""
    least = f_of_seeds * f_of_images / (f_of_seeds + f_of_images)
    freedom = (f_of_seeds + f_of_images) ** 2 / (f_of_seeds**2 / images + f_of_images**2 / seeds)
    return float(stats.f.sf(least, 1, freedom))


@pytest.mark.parametrize("is_paired", [True, False])
def test_seeds_and_images_are_both_chance_as_in_clarks_min_f(is_paired: bool):
    """From SciPy's t-tests over the seeds, and over the images, of the same mean difference."""
    second = SECOND if is_paired else {seed + 10: right for seed, right in SECOND.items()}
    found = seed_test(FIRST, second)
    assert found.paired == is_paired
    values = means(second), means(FIRST)
    over_seeds = stats.ttest_rel(*values) if is_paired else stats.ttest_ind(*values, equal_var=False)
    of_images = [np.mean([*recipe.values()], axis=0) for recipe in (second, FIRST)]
    over_images = stats.ttest_rel(*of_images)
    assert found.difference == pytest.approx(np.mean(values[0]) - np.mean(values[1]))
    assert found.difference / found.error_of_seeds == pytest.approx(over_seeds.statistic)
    assert found.difference / found.error_of_images == pytest.approx(over_images.statistic)
    freedom = effective_number(of_images[0] - of_images[1]) - 1
    together = mins_of_f(over_seeds.statistic**2, over_seeds.df, over_images.statistic**2, freedom)
    alone = 2 * stats.t.sf(over_images.statistic, freedom)
    assert found.p == pytest.approx(max(over_seeds.pvalue, alone, together))


def test_interval_and_p_agree_at_every_level():
    third = trained([0.78, 0.75, 0.77, 0.74], 3)
    for level in (0.5, 0.1, 0.05, 0.01, 1e-3, 1e-4):
        found = seed_test(FIRST, third, 1 - level)
        assert found.p is not None
        assert found.interval is not None
        low, high = found.interval
        assert (found.p <= level) == (low > 0 or high < 0)


def test_seeds_that_differ_alike_leave_the_test_images_to_decide():
    """Each seed of the second answers ten more images rightly, and no other otherwise."""
    first = trained([0.6, 0.7, 0.65], 4)
    wrong_for_all = np.flatnonzero(~np.any([*first.values()], axis=0))[:10]
    shifted = {seed: right | np.isin(np.arange(IMAGES), wrong_for_all) for seed, right in first.items()}
    found = seed_test(first, shifted)
    assert found.error_of_seeds == pytest.approx(0, abs=1e-12)
    assert found.p == pytest.approx(2 * stats.t.sf(0.05 / found.error_of_images, 9))  # of ten images
    (told,) = compare_seeds({"a": first, "b": shifted})
    assert told.better == "b"
    assert "seed differs" not in statement_over_seeds(told)
    few = {seed: right | np.isin(np.arange(IMAGES), wrong_for_all[:3]) for seed, right in first.items()}
    (told,) = compare_seeds({"a": first, "b": few})
    assert told.better is None


def test_where_neither_seed_nor_image_differs_nothing_can_be_told():
    nothing, everything = ({seed: np.full(9, value) for seed in range(3)} for value in (False, True))
    (told,) = compare_seeds({"a": nothing, "b": everything})
    assert (told.p, told.interval, told.better) == (None, None, None)
    assert "the same for each seed and each image" in statement_over_seeds(told)


def test_two_seeds_are_too_few():
    two = {seed: FIRST[seed] for seed in (0, 1)}
    assert compare_seeds({"a": FIRST, "b": two}) == []
    found = compare_seeds({"a": FIRST, "b": two, "c": SECOND})
    assert [(one.first, one.second) for one in found] == [("a", "c")]


def test_holms_correction_is_over_all_pairs_and_the_interval_agrees_with_it():
    third = trained([0.75, 0.76, 0.74, 0.73], 5)
    found = compare_seeds({"a": FIRST, "b": SECOND, "c": third})
    ps = np.array([one.p for one in found], float)
    order = np.argsort(ps)
    worst = np.maximum.accumulate(ps[order] * [3, 2, 1])
    for index, corrected in zip(order, worst, strict=True):
        one = found[index]
        assert one.p_corrected == pytest.approx(min(1, corrected))
        assert one.interval is not None
        assert (corrected <= 0.05) == (one.interval[0] > 0 or one.interval[1] < 0)


def test_the_sentence_names_the_better_and_what_it_generalises_over():
    (found,) = compare_seeds({"cnn (4 seeds)": FIRST, "vit (4 seeds)": SECOND})
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
        found = seed_test(dict(enumerate(first)), dict(enumerate(second)))
        claims += found.p is not None and found.p <= 0.05
        limit = stats.t.isf(0.025, seeds - 1) * found.error_of_seeds
        of_seeds_alone += abs(found.difference) > limit
    assert claims / 1000 < 0.06
    assert of_seeds_alone / 1000 > 0.15
