"""Intervals against their formulas, against independent computations, and against what they promise."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from vitlab.evaluation import (
    interval_of_trainings,
    mcnemar,
    paired_interval,
    repeats,
    student_interval,
    wilson_interval,
)
from vitlab.evaluation.intervals import conditional_interval, tango_interval


@pytest.mark.parametrize(("right", "count"), [(0, 10), (10, 10), (7, 10), (131, 150), (990, 1000)])
def test_the_interval_is_wilsons(right: int, count: int):
    z = stats.norm.ppf(0.975)
    share = right / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    np.testing.assert_allclose(wilson_interval(right, count), (middle - half, middle + half), atol=1e-9)


@pytest.mark.parametrize(("count", "accuracy"), [*itertools.product((50, 150, 1000), (0.5, 0.9, 0.99))])
def test_wilsons_interval_covers_as_often_as_it_says(count: int, accuracy: float):
    """By summing probabilities. At n = 50 and .99, no interval can: a single count has 8 %."""
    likely = [n for n in range(count + 1) if stats.binom.pmf(n, count, accuracy) > 1e-7]
    intervals = {right: wilson_interval(right, count) for right in likely}
    held = [right for right, (low, high) in intervals.items() if low <= accuracy <= high]
    lowest = 0.91 if (count, accuracy) == (50, 0.99) else 0.93
    assert lowest < stats.binom.pmf(held, count, accuracy).sum() < 0.971


def test_no_interval_covers_95_of_100_sets_of_50_at_an_accuracy_of_99():
    """Whether it holds .99 for 48 of 50 decides between 91 and 99 %."""
    with_49, with_48 = (stats.binom.sf(count - 1, 50, 0.99) for count in (49, 48))
    assert with_49 < 0.93
    assert with_48 > 0.97


@pytest.mark.parametrize(
    ("gained", "lost", "count"), [(12, 5, 158), (7, 0, 50), (3, 4, 20), (1, 30, 90)]
)
def test_the_score_interval_is_tangos(gained: int, lost: int, count: int):
    """At its ends, the score with the variance at the numerically most likely proportions is 1.96."""
    for difference in tango_interval(gained, lost, count):
        spare = 1 - abs(difference)

        def unlikelihood(share: float, difference=difference) -> float:
            more = share + max(difference, 0)
            less = share + max(-difference, 0)
            cells = (gained, lost, count - gained - lost)
            return -float(
                sum(
                    n * np.log(p) for n, p in zip(cells, (more, less, 1 - more - less), strict=True) if n
                )
            )

        share = optimize.minimize_scalar(
            unlikelihood, bounds=(1e-12, spare / 2 - 1e-12), method="bounded", options={"xatol": 1e-12}
        ).x
        variance = (2 * share + abs(difference) - difference**2) / count
        score = ((gained - lost) / count - difference) / np.sqrt(variance)
        assert abs(score) == pytest.approx(stats.norm.ppf(0.975), rel=1e-4)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (5, 0), (0, 5), (6, 0), (14, 4), (15, 5)])
def test_the_exact_interval_is_clopper_and_pearsons(gained: int, lost: int):
    low, high = conditional_interval(gained, lost, 100)
    if gained + lost == 0:
        assert (low, high) == (0, 0)
        return
    share = stats.binomtest(gained, gained + lost).proportion_ci(0.95, method="exact")
    expected = [(gained + lost) / 100 * (2 * bound - 1) for bound in (share.low, share.high)]
    np.testing.assert_allclose((low, high), expected, atol=1e-9)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(0, 300), st.sampled_from([0.05, 0.01, 0.05 / 15])
)
def test_the_paired_interval_and_the_exact_test_never_contradict_each_other(gained, lost, same, level):
    count = gained + lost + same
    if count == 0:
        return
    low, high = paired_interval(gained, lost, count, 1 - level)
    assert (mcnemar(gained, lost) > level) == (low <= 0 <= high)
    assert -1 <= low <= (gained - lost) / count <= high <= 1


def test_the_paired_interval_holds_a_true_difference_in_95_of_100_sets():
    generator = np.random.default_rng(0)
    for gain, loss in ((0.06, 0.02), (0.1, 0.1), (0.02, 0.0)):
        cells = generator.multinomial(150, [gain, loss, 1 - gain - loss], size=1000)
        held = 0
        for (gained, lost, _), count in zip(*np.unique(cells, axis=0, return_counts=True), strict=True):
            low, high = paired_interval(int(gained), int(lost), 150)
            held += count * (low <= gain - loss <= high)
        assert held / 1000 > 0.935


def test_repeated_trainings_have_students_interval():
    """The accuracies of five trainings (S2-17)."""
    values = [87.31, 89.90, 87.08, 88.23, 87.41]
    found = repeats(values)
    expected = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert found.interval is not None
    np.testing.assert_allclose(found.interval, expected)
    np.testing.assert_allclose(student_interval(values), expected)
    assert (found.n, found.mean) == (5, pytest.approx(87.986))
    assert found.variance == pytest.approx(np.var(values, ddof=1))
    assert found.deviation == pytest.approx(np.std(values, ddof=1))


def test_equal_values_have_no_interval():
    """One of no width would say that no other training can differ."""
    found = repeats([0.1 + 0.2, 0.3, 0.3])
    assert (found.deviation, found.interval) == (pytest.approx(0, abs=1e-15), None)


def test_a_single_training_has_no_spread():
    found = repeats([0.9])
    assert (found.n, found.mean, found.variance, found.interval) == (1, 0.9, None, None)


def test_the_interval_of_a_mean_stays_within_what_its_figure_can_be():
    free, bounded = repeats([0.99, 0.7, 0.9]), repeats([0.99, 0.7, 0.9], limits=(0, 1))
    assert free.interval is not None
    assert free.interval[1] > 1
    assert bounded.interval == (free.interval[0], 1)


def test_the_interval_over_trainings_and_images_holds_both_kinds_of_chance():
    """MOVER: the distances of the two intervals from the mean are the legs of its own."""
    values = [0.9, 0.92, 0.88]
    low, high = interval_of_trainings(values, 200)
    for of_one in (student_interval(values), wilson_interval(180, 200)):
        assert low < of_one[0]
        assert of_one[1] < high
    legs = [0.9 - of_one[0] for of_one in (student_interval(values), wilson_interval(180, 200))]
    assert 0.9 - low == pytest.approx(np.hypot(legs[0], legs[1]))
    # With images without number it is Student's alone, and never more than a share can be.
    np.testing.assert_allclose(interval_of_trainings(values, 10**9), student_interval(values), atol=1e-5)
    assert interval_of_trainings([1.0, 0.9, 1.0], 20)[1] == 1
    # Of trainings that are all equal it is that of the images.
    np.testing.assert_allclose(interval_of_trainings([0.9] * 3, 200), wilson_interval(180, 200))
