"""Which images to look at: what changed, the wrongest, the least certain, planted label errors."""

import numpy as np
import pytest

from vitlab.evaluation import (
    Confusion,
    Predictions,
    changes,
    label_errors,
    least_certain,
    most_confidently_wrong,
)


def with_probabilities(probabilities: list[list[float]], labels: list[int]) -> Predictions:
    logits = np.log(np.array(probabilities))
    return Predictions(np.arange(len(labels)).astype(str), np.array(labels), logits)


def answering(answers: list[int], labels: list[int], classes: int) -> Predictions:
    return Predictions(np.arange(len(labels)).astype(str), np.array(labels), np.eye(classes)[answers])


def test_what_changed_between_two_models():
    """S0-25."""
    labels = [0, 0, 1, 1, 2, 2]
    before = answering([0, 1, 1, 1, 0, 0], labels, 4)
    after = answering([0, 0, 1, 2, 2, 0], labels, 4)
    found = changes(before, after)
    assert (found.fixed, found.broken) == ((1, 4), (3,))
    assert (found.still_right, found.still_wrong) == (2, 1)
    assert found.gone == (Confusion(label=0, answer=1, before=1, after=0),)
    assert found.come == (Confusion(label=1, answer=2, before=0, after=1),)
    assert (found.became_perfect, found.no_longer_perfect) == ((0,), (1,))


def test_the_most_confidently_wrong_come_first():
    predictions = with_probabilities([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], [1, 1, 1, 0])
    assert most_confidently_wrong(predictions, 10).tolist() == [1, 3, 0]
    assert most_confidently_wrong(predictions, 2).tolist() == [1, 3]


def test_the_least_certain_come_first_right_or_wrong():
    predictions = with_probabilities([[0.5, 0.4, 0.1], [0.9, 0.05, 0.05], [0.4, 0.38, 0.22]], [0, 0, 1])
    assert least_certain(predictions, 2).tolist() == [2, 0]
    one_class = Predictions(np.array(["a"]), np.array([0]), np.zeros((1, 1)))
    assert least_certain(one_class, 3).tolist() == []


def test_a_worked_case_of_confident_learning():
    """Thresholds .7 and .6: the third image reaches that of class 1, the last reaches none."""
    probabilities = [[0.95, 0.05], [0.95, 0.05], [0.2, 0.8], [0.35, 0.65], [0.45, 0.55]]
    predictions = with_probabilities(probabilities, [0, 0, 0, 1, 1])
    found = label_errors(predictions)
    assert (found.rows.tolist(), found.suggested.tolist()) == ([2], [1])
    assert found.margin == pytest.approx([-0.6])
    np.testing.assert_allclose(found.joint, [[2 / 5, 1 / 5], [0, 2 / 5]])


def test_flipped_labels_are_found_and_come_first():
    generator = np.random.default_rng(0)
    truth = np.arange(1000) % 5
    logits = generator.normal(size=(1000, 5))
    logits[np.arange(1000), truth] += 4
    flipped = generator.choice(1000, 80, replace=False)
    labels = truth.copy()
    labels[flipped] = (truth[flipped] + generator.integers(1, 5, 80)) % 5
    found = label_errors(Predictions(truth.astype(str), labels, logits))
    first = found.rows[:70]
    assert np.isin(first, flipped).mean() > 0.95
    assert np.isin(flipped, found.rows).mean() > 0.85
    at = np.isin(found.rows, flipped)
    assert (found.suggested[at] == truth[found.rows[at]]).mean() > 0.95
    assert found.joint.sum() == pytest.approx(1)
    assert found.joint.sum() - np.trace(found.joint) == pytest.approx(0.08, abs=0.02)
    assert (np.diff(found.margin) >= 0).all()


def test_a_class_without_images_is_never_suggested_and_sound_labels_give_no_candidate():
    probabilities = [[0.1, 0.2, 0.7], [0.2, 0.1, 0.7], [0.1, 0.3, 0.6]]
    found = label_errors(with_probabilities(probabilities, [0, 1, 0]))
    assert 2 not in found.suggested
    same = label_errors(with_probabilities([[0.8, 0.2], [0.8, 0.2], [0.2, 0.8]], [0, 0, 1]))
    assert len(same.rows) == 0
    np.testing.assert_allclose(same.joint, [[2 / 3, 0], [0, 1 / 3]])
