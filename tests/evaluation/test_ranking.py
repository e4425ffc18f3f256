"""Mean curves over the classes hold the figures that scikit-learn has of the classes."""

import numpy as np
import pytest
from sklearn import metrics

from vitlab.evaluation import GRID, mean_curves


def drawn(n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    labels = np.arange(n) % classes
    logits = generator.normal(size=(n, classes))
    logits[np.arange(n), labels] += 1.2
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_their_areas_are_the_means_of_roc_auc_and_average_precision():
    labels, probabilities = drawn(900, 4)
    found = mean_curves(labels, probabilities)
    members = np.eye(4)[labels]
    area = metrics.roc_auc_score(members, probabilities, average="macro")
    precision = metrics.average_precision_score(members, probabilities, average="macro")
    assert found.recall is not None
    assert found.precision is not None
    assert np.trapezoid(found.recall, GRID) == pytest.approx(area, abs=0.003)
    assert found.precision[1:].mean() == pytest.approx(precision, abs=0.005)
    assert (np.diff(found.recall) >= 0).all()


def test_a_class_without_images_is_left_out_and_one_class_alone_has_no_roc():
    labels, probabilities = drawn(60, 3)
    more = np.column_stack([probabilities, np.zeros(60)])
    with_it, without = mean_curves(labels, more), mean_curves(labels, probabilities)
    np.testing.assert_array_equal(with_it.recall, without.recall)
    alone = mean_curves(np.zeros(60, int), probabilities)
    assert alone.recall is None
    assert np.all(alone.precision == 1)
