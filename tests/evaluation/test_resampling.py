"""The bootstrap against closed forms, against a loop over resampled images, and in what it costs."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn

from tests.evaluation.test_metrics import NAMES, some_predictions
from vitlab.evaluation import (
    Predictions,
    bootstrap_intervals,
    bootstrap_of_models,
    compare_figure,
    evaluate,
)
from vitlab.evaluation.bootstrap import log_odds_interval, paired_difference
from vitlab.evaluation.calibration import losses
from vitlab.evaluation.resampling import (
    OF_COUNTS,
    OF_IMAGES,
    OF_RANKS,
    TESTABLE,
    draw_weights,
    estimates,
    influences,
    limits,
    most_difference,
    resampled,
    weighted,
)

FIGURES = [*OF_COUNTS, *OF_IMAGES, *OF_RANKS, "ece"]


def weights_of(labels: np.ndarray, resamples: int, seed: int = 0) -> np.ndarray:
    return np.concatenate([*draw_weights(labels, np.random.default_rng(seed), resamples)], axis=1)


@pytest.mark.parametrize("seed", range(2))
def test_every_figure_is_that_of_the_metrics(seed: int):
    predictions = some_predictions(seed)
    found = evaluate(predictions, NAMES)
    for name, value in zip(FIGURES, estimates(predictions, FIGURES), strict=True):
        group, _, key = name.partition(".")
        assert value == pytest.approx(found[group][key] if key else found[group], rel=1e-5), name


def test_a_weight_of_two_is_an_image_that_is_there_twice():
    predictions = some_predictions(count=60)
    rows = np.repeat(np.arange(60), np.random.default_rng(1).integers(1, 4, 60))
    weights = np.bincount(rows)[:, None].astype(float)
    repeated = predictions.select(rows)
    # The functions take the sums of the classes as fixed, so each class keeps its own.
    shares = weights[:, 0] / np.bincount(predictions.labels, weights[:, 0])[predictions.labels]
    shares *= np.bincount(predictions.labels)[predictions.labels]
    labels, answers = repeated.labels, repeated.answers
    recalls = sklearn.recall_score(labels, answers, average=None)
    found = weighted(predictions, ["balanced_accuracy", "roc_auc"])(shares[:, None])[:, 0]
    assert found[0] == pytest.approx(recalls.mean())
    areas = [
        sklearn.roc_auc_score(
            predictions.labels == index, predictions.probabilities[:, index], sample_weight=shares
        )
        for index in range(len(NAMES))
    ]
    assert found[1] == pytest.approx(np.mean(areas), rel=1e-5)


def test_weighted_figures_are_scikit_learns():
    predictions = some_predictions(count=80)
    labels, answers = predictions.labels, predictions.answers
    weights = weights_of(labels, 5)
    found = dict(zip(FIGURES, weighted(predictions, FIGURES)(weights), strict=True))
    for column, w in enumerate(weights.T):
        expected = {
            "accuracy": sklearn.accuracy_score(labels, answers, sample_weight=w),
            "kappa": sklearn.cohen_kappa_score(labels, answers, sample_weight=w),
            "matthews": sklearn.matthews_corrcoef(labels, answers, sample_weight=w),
            "loss": sklearn.log_loss(labels, predictions.probabilities, sample_weight=w),
            "macro.f1": sklearn.f1_score(
                labels, answers, average="macro", sample_weight=w, zero_division=0
            ),
            "weighted.precision": sklearn.precision_score(
                labels, answers, average="weighted", sample_weight=w, zero_division=0
            ),
        }
        for name, value in expected.items():
            assert found[name][column] == pytest.approx(value), name


def test_each_class_keeps_its_weight_and_a_single_image_its_own():
    labels = np.array([0] * 5 + [1] * 2 + [3])
    weights = weights_of(labels, 1000)
    assert weights.shape == (8, 1000)
    np.testing.assert_allclose(weights[:5].sum(axis=0), 5)
    np.testing.assert_allclose(weights[5:7].sum(axis=0), 2)
    assert (weights[7] == 1).all()
    np.testing.assert_allclose(weights.mean(axis=1), 1, atol=0.15)


def test_the_spread_of_a_mean_is_that_of_its_closed_form():
    """Within classes, from unbiased variances, though a class has no more than four images."""
    predictions = some_predictions(count=28)
    labels = np.arange(28) % 7
    predictions = Predictions(predictions.ids, labels, predictions.logits)
    values = losses(predictions)
    variance = sum(4 * values[labels == label].var(ddof=1) for label in range(7)) / 28**2
    found = resampled([predictions], ["loss"], seed=0)[0, 0]
    assert found.mean() == pytest.approx(values.mean(), abs=0.02)
    assert found.var() == pytest.approx(variance, rel=0.06)


def test_the_interval_is_that_of_scipys_bootstrap_where_there_is_one_class():
    generator = np.random.default_rng(0)
    logits = generator.normal(1, 1, (400, 2)).astype(np.float32)
    predictions = Predictions(np.arange(400).astype(str), np.zeros(400, int), logits)
    expected = stats.bootstrap(
        (losses(predictions),), np.mean, method="percentile", rng=generator, n_resamples=10_000
    ).confidence_interval
    found = bootstrap_intervals(predictions, ["loss", "kappa"], seed=0)
    assert found["loss"].interval == pytest.approx(tuple(expected), abs=0.004)
    assert found["kappa"].value is not None or found["kappa"].note


def test_influences_are_closed_forms_for_a_mean():
    predictions = some_predictions(count=50)
    values = losses(predictions)
    labels = predictions.labels
    means = np.bincount(labels, values, minlength=7) / np.maximum(np.bincount(labels, minlength=7), 1)
    expected = (values - means[labels]) / 50
    np.testing.assert_allclose(influences([predictions], ["loss"])[0, 0], expected, atol=1e-9)


def test_the_same_seed_gives_the_same_interval_and_another_another():
    predictions = some_predictions()
    first, again, other = (bootstrap_intervals(predictions, ["loss"], seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_several_models_have_the_intervals_that_each_has_alone():
    first = some_predictions()
    second = Predictions(first.ids, first.labels, first.logits[:, ::-1].copy())
    figures = ["macro.f1", "loss", "ece", "roc_auc"]
    together = bootstrap_of_models([first, second], figures, seed=1, resamples=500)
    alone = [bootstrap_intervals(model, figures, seed=1, resamples=500) for model in (first, second)]
    assert together == alone


def test_without_a_mistake_there_is_no_interval_and_that_is_said():
    logits = np.tile(9 * np.eye(3, dtype=np.float32), (10, 1))
    predictions = Predictions(np.arange(30).astype(str), np.arange(30) % 3, logits)
    found = bootstrap_intervals(predictions, ["macro.f1", "kappa"], seed=0)
    assert found["macro.f1"].value == 1
    assert found["macro.f1"].interval is None
    assert found["macro.f1"].note == "the same in every resample"


def test_the_calibration_error_has_no_interval_and_that_is_said():
    found = bootstrap_intervals(some_predictions(), ["ece"], seed=0)["ece"]
    assert found.value == pytest.approx(evaluate(some_predictions(), NAMES)["ece"])
    assert found.interval is None
    assert found.note


def test_what_is_not_defined_has_neither_value_nor_interval():
    predictions = Predictions(np.array(["a", "b"]), np.array([0, 0]), np.array([[1.0, 0], [2, 0]]))
    found = bootstrap_intervals(predictions, ["kappa", "roc_auc", "matthews"], seed=0)
    assert all(one.value is one.interval is None and one.note for one in found.values())


@pytest.mark.parametrize("freedom", [1, 3, 10, 100])
def test_the_interval_of_a_paired_difference_excludes_0_exactly_where_p_says_so(freedom: int):
    generator = np.random.default_rng(0)
    influence = np.ones(freedom + 1)
    for centre in np.linspace(0, 6, 40):
        drawn = generator.normal(centre, 1.5, 2000).round(1)
        pair = paired_difference(float(drawn.mean()), drawn, influence)
        assert pair.freedom == freedom
        for level in (0.05, 0.05 / 15, *((pair.p, pair.p * 0.999) if pair.p < 0.9 else ())):
            low, high = pair.interval(level)
            assert (pair.p <= level * (1 + 1e-12)) == (not low <= 0 <= high)


def test_10_000_resamples_of_2_000_images_of_1_000_classes_fit_into_little_memory_and_time():
    labels = np.arange(2000) % 1000
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(2000, 1000)).astype(np.float32)
    logits[np.arange(2000), labels] += 3
    predictions = Predictions(labels.astype(str), labels, logits)
    pieces = [piece.shape for piece in draw_weights(labels, generator, 10_000)]
    assert max(rows * columns for rows, columns in pieces) * 8 < 40e6
    assert sum(columns for _, columns in pieces) == 10_000
    found = bootstrap_intervals(predictions, ["macro.f1"], seed=0)["macro.f1"]
    assert found.interval is not None
    assert found.value is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_average_precision_is_scikit_learns_on_each_resample():
    predictions = some_predictions(count=80)
    weights = weights_of(predictions.labels, 4)
    found = weighted(predictions, ["average_precision"])(weights)[0]
    for column, w in enumerate(weights.T):
        expected = [
            sklearn.average_precision_score(
                predictions.labels == index, predictions.probabilities[:, index], sample_weight=w
            )
            for index in range(len(NAMES))
        ]
        assert found[column] == pytest.approx(np.mean(expected), rel=1e-5)


def test_the_interval_of_ranks_is_that_of_the_log_odds_in_closed_form():
    """Of resamples without bias whose deviation is known: 0.9 and 0.02 give 0.2222 on the log odds."""
    drawn = np.array([0.88, 0.92] * 5000)
    low, high = log_odds_interval(0.9, drawn)
    half = 1.959963984540054 * 0.02 / (0.9 * 0.1)
    odds = np.log(9) + np.array([-half, half])
    assert (low, high) == pytest.approx(tuple(1 / (1 + np.exp(-odds))), rel=1e-4)


def test_a_perfect_ranking_has_no_interval_and_that_is_said():
    logits = np.tile(9 * np.eye(3, dtype=np.float32), (10, 1))
    predictions = Predictions(np.arange(30).astype(str), np.arange(30) % 3, logits)
    for one in bootstrap_intervals(predictions, ["roc_auc", "average_precision"], seed=0).values():
        assert one.value == pytest.approx(1)
        assert (one.interval, one.note) == (None, "the same in every resample")


def test_an_interval_holds_its_estimate_and_ends_where_the_figure_does():
    """Of one class, four of twenty images are answered rightly: no answer of it is wrong."""
    labels = np.zeros(20, int)
    answers = np.where(np.arange(20) < 4, 0, 1)
    one = Predictions(np.arange(20).astype(str), labels, np.eye(2)[answers])
    for name, found in bootstrap_intervals(one, [*TESTABLE], 0, 400).items():
        if found.interval:
            assert found.value is not None
            low, high = found.interval
            assert limits(name)[0] <= low <= found.value <= high <= limits(name)[1]
    models = {"a": one, "b": Predictions(one.ids, labels, np.eye(2)[labels])}
    for figure in TESTABLE:
        (pair,) = compare_figure(models, figure, 0, 400)
        if pair.interval is not None:
            assert pair.difference is not None
            low, high = pair.interval
            most = most_difference(figure)
            assert -most <= low <= pair.difference <= high <= most


def test_fewer_than_twenty_images_have_no_interval_by_resamples():
    """Two images whose losses are alike would have a narrow one."""
    labels = np.arange(19) % 2
    few = Predictions(
        labels.astype(str), labels, np.eye(2)[labels] - 0.1 * np.arange(19)[:, None] * [1, 0]
    )
    for one in bootstrap_intervals(few, ["loss", "macro.f1", "roc_auc"], 0, 200).values():
        assert (one.interval, one.note) == (None, "too few test images")
        assert one.value is not None


def test_of_classes_of_a_single_image_only_means_over_the_images_have_interval_and_test():
    """The images do not vary within their class: intervals of such resamples covered 39 % instead of
    95 %. A loss needs no classes, and has the spread of its values."""
    generator = np.random.default_rng(0)
    labels = np.array([*range(21), 21, 21, 22, 22])

    def made(labels: np.ndarray) -> Predictions:
        logits = generator.normal(size=(len(labels), 23)).astype(np.float32)
        return Predictions(np.array([f"{row}" for row in range(len(labels))]), labels, logits)

    models = {name: made(labels) for name in ("a", "b")}
    found = bootstrap_intervals(models["a"], ["loss", "macro.f1"], 0, 200)
    assert (found["macro.f1"].interval, found["loss"].note) == (None, "")
    assert "single test image" in found["macro.f1"].note
    values = losses(models["a"])
    assert found["loss"].value == pytest.approx(values.mean())
    assert found["loss"].interval is not None
    width = np.diff(found["loss"].interval)[0]
    assert width == pytest.approx(2 * 1.96 * values.std(ddof=1) / np.sqrt(len(values)), rel=0.2)
    (pair,) = compare_figure(models, "macro.f1", 0, 200)
    assert (pair.difference, pair.pairs) == (None, 0)
    (pair,) = compare_figure(models, "loss", 0, 2000)
    values = values - losses(models["b"])
    assert pair.difference == pytest.approx(-values.mean())
    assert pair.interval is not None
    assert np.diff(pair.interval)[0] > 2 * 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    three_each = made(np.repeat(np.arange(23), 3))
    assert bootstrap_intervals(three_each, ["loss"], 0, 200)["loss"].interval
