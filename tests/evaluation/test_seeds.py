"""Repeated trainings of two recipes: Student's and Welch's tests, and no claim from luck or from two."""

import numpy as np
import pytest
from scipy import stats

from vitlab.evaluation import compare_seeds, seed_test, statement_over_seeds

FIRST = {0: 0.81, 1: 0.84, 2: 0.80, 3: 0.83}
SECOND = {0: 0.85, 1: 0.86, 2: 0.85, 3: 0.86}


def test_the_same_seeds_are_paired_as_scipy_pairs_them():
    found = seed_test(FIRST, dict(reversed(SECOND.items())))
    expected = stats.ttest_rel([*SECOND.values()], [*FIRST.values()])
    assert found.paired
    assert found.difference == pytest.approx(0.035)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))


def test_other_seeds_are_tested_by_welch_as_scipy_does():
    second = {seed + 10: value for seed, value in (SECOND | {4: 0.9}).items()}
    found = seed_test(FIRST, second)
    expected = stats.ttest_ind([*second.values()], [*FIRST.values()], equal_var=False)
    assert not found.paired
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))


def test_seeds_that_do_not_differ_say_nothing_of_chance():
    """Equal differences leave rounding as the only spread, which a t-test takes for certainty."""
    shifted = {seed: value + 0.07 for seed, value in FIRST.items()}
    assert len({shifted[seed] - FIRST[seed] for seed in FIRST}) > 1
    assert (seed_test(FIRST, shifted).p, seed_test(FIRST, shifted).interval) == (None, None)
    (told,) = compare_seeds({"a": FIRST, "b": shifted}, 200)
    assert told.better is None
    assert "no seed differs from another" in statement_over_seeds(told)


def test_two_seeds_are_too_few():
    two = {0: 0.1, 1: 0.11}
    assert compare_seeds({"a": FIRST, "b": two}, 200) == []
    found = compare_seeds({"a": FIRST, "b": two, "c": SECOND}, 200)
    assert [(one.first, one.second) for one in found] == [("a", "c")]


def test_holms_correction_is_over_all_pairs_and_the_interval_agrees_with_it():
    third = {seed: value - 0.02 for seed, value in zip(range(4), (0.8, 0.83, 0.81, 0.85), strict=True)}
    found = compare_seeds({"a": FIRST, "b": SECOND, "c": third}, 200)
    ps = np.array([one.p for one in found], float)
    order = np.argsort(ps)
    worst = np.maximum.accumulate(ps[order] * [3, 2, 1])
    for index, corrected in zip(order, worst, strict=True):
        one = found[index]
        assert one.p_corrected == pytest.approx(min(1, corrected))
        assert one.interval is not None
        assert (corrected <= 0.05) == (one.interval[0] > 0 or one.interval[1] < 0)


def test_the_sentence_names_the_better_and_what_it_generalises_over():
    (found,) = compare_seeds({"cnn (4 seeds)": FIRST, "vit (4 seeds)": SECOND}, 200)
    assert found.interval is not None
    assert found.p is not None
    low, high = (100 * end for end in found.interval)
    assert statement_over_seeds(found) == (
        "Over repeated trainings, vit (4 seeds) is better than cnn (4 seeds) on these 200 images "
        f"(+3.5 points, 95 % interval {low:.1f} to {high:.1f}, p = .0{round(1000 * found.p)})."
    )


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_recipes_are_called_different_in_at_most_a_twentieth_of_cases(seeds: int):
    """Accuracies of 150 images, which are no normal values; 2,000 simulated pairs."""
    generator = np.random.default_rng(0)
    right = generator.binomial(150, 0.9, (2000, 2, seeds)) / 150
    claims = 0
    for first, second in right:
        (found,) = compare_seeds({"a": dict(enumerate(first)), "b": dict(enumerate(second))}, 150)
        claims += found.better is not None
    assert claims / 2000 < 0.06
