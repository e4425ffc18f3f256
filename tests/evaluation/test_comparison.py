"""Paired tests against SciPy and closed forms; equal models are not told apart; the sentences."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vitlab.evaluation import (
    Comparison,
    Predictions,
    compare_accuracy,
    compare_figure,
    compare_folds,
    holm,
    mcnemar,
    needed_images,
    statement,
)


def answering(answers: np.ndarray, labels: np.ndarray) -> Predictions:
    logits = 3 * np.eye(2, dtype=np.float32)[answers]
    return Predictions(np.arange(len(labels)).astype(str), labels, logits)


def two_models(gained: int, lost: int, both: int, neither: int) -> dict[str, Predictions]:
    """The second alone is right on `gained` images, the first alone on `lost`."""
    first = np.repeat([0, 1, 1, 0], (gained, lost, both, neither))
    second = np.repeat([1, 0, 1, 0], (gained, lost, both, neither))
    labels = np.arange(len(first)) % 2
    return {
        "MobileNetV2": answering(np.where(first, labels, 1 - labels), labels),
        "ViT-Ti": answering(np.where(second, labels, 1 - labels), labels),
    }


def test_what_rounding_makes_of_equal_figures_is_no_difference():
    """Two collapsed networks, each of which always answers another class, as surely."""
    labels = np.arange(60) % 4
    for chance in range(20):
        bias = np.random.default_rng(chance).normal(0, 0.3, 4).astype(np.float32)
        models = {
            f"{turn}": Predictions(labels.astype(str), labels, np.tile(np.roll(bias, turn), (60, 1)))
            for turn in range(2)
        }
        for figure in ("loss", "brier", "kappa"):
            (found,) = compare_figure(models, figure, chance, 400)
            assert (found.difference, found.interval, found.p) == (0, None, None)
            assert (found.better, found.needed, found.pairs) == (None, None, 0)
            assert "the same in every resample" in statement(found)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (9, 2), (2, 9), (5, 5), (30, 12)])
def test_mcnemars_test_is_the_sum_of_binomial_tails(gained: int, lost: int):
    tail = stats.binom.cdf(min(gained, lost), gained + lost, 0.5)
    assert mcnemar(gained, lost) == pytest.approx(min(1, 2 * tail))


def test_holms_correction_of_a_worked_case():
    found = holm([0.01, 0.04, 0.03, 0.005])
    assert [p for p, _ in found] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=15))
def test_holm_rejects_one_after_the_other_and_its_levels_say_the_same(values: list[float]):
    rejected = set()
    for place, index in enumerate(np.argsort(values, kind="stable")):
        if values[index] * (len(values) - place) > 0.05:
            break
        rejected.add(int(index))
    found = holm(values)
    assert {index for index, (p, _) in enumerate(found) if p <= 0.05} == rejected
    assert all(level <= 0.05 * (1 + 1e-9) for _, level in found)
    assert {i for i, (_, level) in enumerate(found) if values[i] <= level * (1 + 1e-12)} == rejected


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_equal_models_are_told_apart_in_at_most_5_of_100_sets(share: float):
    """The exact size of McNemar's test on 60 images, over every number that tell the models apart."""
    claimed = 0.0
    for differing in range(1, 61):
        tails = [lost for lost in range(differing + 1) if mcnemar(differing - lost, lost) <= 0.05]
        of_these = stats.binom.pmf(tails, differing, 0.5).sum()
        claimed += stats.binom.pmf(differing, 60, 2 * share) * of_these
    assert claimed <= 0.05


def test_with_as_many_images_as_are_said_to_be_needed_four_of_five_sets_decide():
    gained, lost, count = 12, 5, 158
    needed = needed_images(gained, lost, count)
    assert needed is not None
    generator = np.random.default_rng(0)
    shares = [gained / count, lost / count, 1 - (gained + lost) / count]
    cells = generator.multinomial(needed, shares, size=1000)
    assert np.mean([mcnemar(int(a), int(b)) <= 0.05 for a, b, _ in cells]) == pytest.approx(
        0.8, abs=0.05
    )


def test_the_needed_images_are_connors():
    """Connor (1987) with shares .12 and .06: (1.96 sqrt .18 + .8416 sqrt(.18 - .0036))^2 / .0036."""
    assert needed_images(12, 6, 100) == np.ceil(
        (1.959964 * 0.18**0.5 + 0.841621 * 0.1764**0.5) ** 2 / 0.0036
    )
    assert needed_images(5, 5, 100) is None
    # Of fewer than six images that one model alone answers, the exact test finds nothing.
    assert needed_images(5, 0, 5) == needed_images(2, 0, 2) == 6


def test_the_sentence_of_a_difference_that_is_established():
    (pair,) = compare_accuracy(two_models(9, 1, 140, 8))
    assert pair.difference == pytest.approx(8 / 158)
    assert pair.p == pair.p_corrected == pytest.approx(stats.binomtest(1, 10).pvalue)
    assert re.fullmatch(
        r"ViT-Ti is better than MobileNetV2 on these 158 images "
        r"\(\+5\.1 points, 95 % interval 0\.\d+ to \d+\.\d, p = \.021\)\.",
        statement(pair),
    )
    (turned,) = compare_accuracy(two_models(1, 9, 140, 8))
    assert statement(turned).startswith(
        "MobileNetV2 is better than ViT-Ti on these 158 images (+5.1 points"
    )


def test_no_number_of_images_is_named_where_as_many_are_there_and_few_of_them_decide():
    """Surer of every image but one, of which it is surely wrong: that one is all that varies."""
    labels = np.arange(60) % 2
    sure = 4 * np.eye(2, dtype=np.float32)[labels]
    sure[0] = [0, 8]
    ids = np.arange(60).astype(str)
    models = {
        "guessing": Predictions(ids, labels, np.zeros((60, 2), np.float32)),
        "sure": Predictions(ids, labels, sure),
    }
    (pair,) = compare_figure(models, "loss", seed=0, resamples=2000)
    assert pair.difference is not None
    assert pair.difference < -0.4
    assert pair.better is None
    assert pair.needed is None


def test_the_sentence_of_a_difference_that_is_not_established_says_how_many_images_would_be_needed():
    (pair,) = compare_accuracy(two_models(12, 5, 135, 6))
    said = statement(pair)
    assert said.startswith(
        "The difference between MobileNetV2 and ViT-Ti on these 158 images is not established "
        "(ViT-Ti minus MobileNetV2: +4.4 points, 95 % interval −"
    )
    assert pair.needed is not None
    assert pair.needed > 158
    assert re.search(r"p = \.14\); about \d\d0 test images would be needed\.$", said)


def test_equal_answers_need_no_number_of_images():
    (pair,) = compare_accuracy(two_models(0, 0, 90, 10))
    assert (pair.difference, pair.p, pair.needed, pair.better) == (0, 1, None, None)
    assert "0.0 points" in statement(pair)
    (pair,) = compare_figure(two_models(0, 0, 90, 10), "macro.f1", seed=0)
    assert (pair.difference, pair.interval, pair.p, pair.needed) == (0, None, None, None)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 500), st.integers(0, 3))
def test_the_numbers_of_a_sentence_never_contradict_it(gained, lost, same, others):
    """With and without other models beside the two; the numbers are read back as they stand."""
    count = gained + lost + same
    if count == 0:
        return
    base = answering(np.zeros(count, int), np.zeros(count, int))
    wrong = np.ones(count, int)
    first, second = wrong.copy(), wrong.copy()
    second[:gained] = 0
    first[gained : gained + lost] = 0
    models = {"a": answering(first, base.labels), "b": answering(second, base.labels)}
    models |= {f"c{i}": models["b"] for i in range(others)}
    pairs = compare_accuracy(models)
    for pair in pairs:
        said = statement(pair)
        numbers = re.search(
            r"interval(?:, corrected,)? ([−\d.]+) to ([−\d.]+), p (=|<) (\S+?)(?: after|\))", said
        )
        assert numbers is not None, said
        low, high = (float(text.replace("−", "-")) for text in numbers.groups()[:2])
        p = float(numbers[4])
        assert ("is better than" in said) == (p <= 0.05) == (not low <= 0 <= high), said
        assert ("correct" in said) == (len(pairs) > 1)


def test_the_paired_bootstrap_agrees_with_the_t_test_on_a_mean():
    generator = np.random.default_rng(0)
    labels = np.zeros(500, int)
    shared = generator.normal(1, 1, (500, 2))
    models = {
        name: Predictions(
            labels.astype(str), labels, shared + generator.normal(move, 0.5, (500, 2)) * [1, 0]
        )
        for name, move in (("a", 0), ("b", 0.07))
    }
    losses = [np.logaddexp(0, model.logits[:, 1] - model.logits[:, 0]) for model in models.values()]
    expected = stats.ttest_rel(losses[1], losses[0])
    (pair,) = compare_figure(models, "loss", seed=0)
    assert pair.p == pytest.approx(expected.pvalue, abs=0.01)
    assert pair.interval == pytest.approx(tuple(expected.confidence_interval()), abs=0.003)
    assert pair.better == "b"
    assert statement(pair).startswith("b is better than a on these 500 images by loss (−0.0")


def test_a_figure_that_is_not_defined_is_said_to_be_so():
    labels = np.zeros(40, int)
    models = {name: answering(labels, labels) for name in "abc"}
    pairs = compare_figure(models, "roc_auc", seed=0)
    assert len(pairs) == 3
    assert all(pair.difference is pair.p is pair.interval is pair.better is None for pair in pairs)
    assert (
        statement(pairs[0])
        == "a and b cannot be compared by ROC-AUC: it is not defined on these 40 images, or these are "
        "too few, in all or of many classes."
    )


def test_all_pairs_share_one_correction():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 300)
    models = {
        name: answering(np.where(generator.random(300) < share, labels, 1 - labels), labels)
        for name, share in (("a", 0.7), ("b", 0.72), ("c", 0.9))
    }
    for pairs in (compare_accuracy(models), compare_figure(models, "macro.f1", seed=0)):
        assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
        ps = [pair.p for pair in pairs if pair.p is not None]
        assert [pair.p_corrected for pair in pairs] == [p for p, _ in holm(ps)]
        assert [pair.better for pair in pairs][1:] == ["c", "c"]


@pytest.mark.parametrize("p", [0.04996, 0.05, 0.050004, 0.0499999])
def test_no_p_value_is_rounded_to_the_other_side_of_its_level(p: float):
    pair = Comparison("a", "b", "loss", 9, -1.0, (-2.0, -0.0001), p, p, 1, None)
    said = re.search(r"p = (\S+)\)", statement(pair))
    assert said is not None
    assert (float(said[1]) <= 0.05) == (p <= 0.05) == (pair.better == "b")


def test_over_folds_the_corrected_test_is_the_t_test_with_a_wider_error():
    first, second = [0.81, 0.83, 0.80, 0.85, 0.82], [0.84, 0.84, 0.85, 0.86, 0.83]
    nearly_plain = compare_folds(first, second, 1e-12, 1)
    expected = stats.ttest_rel(second, first)
    assert nearly_plain.p == pytest.approx(expected.pvalue)
    assert nearly_plain.interval == pytest.approx(tuple(expected.confidence_interval()))
    found = compare_folds(first, second, 20, 80)
    statistic = expected.statistic * np.sqrt((1 / 5) / (1 / 5 + 1 / 4))
    assert found.p == pytest.approx(2 * stats.t.sf(statistic, 4))
    assert found.difference == pytest.approx(0.022)
    same = compare_folds(first, first, 20, 80)
    assert (same.difference, same.interval, same.p) == (0, None, None)
