"""What a phase goes down: each objective against its formula in NumPy and against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from vitlab.config import Phase
from vitlab.data import Mixture
from vitlab.training.loss import cross_entropy, make_objective, mixed
from vitlab.training.step import batch_totals

LOGITS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LABELS = np.array([0, 1, 1, 3, 1, 0])
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
OF_LABEL = PROBABILITIES[np.arange(6), LABELS]


def losses(**changes) -> np.ndarray:
    return np.asarray(make_objective(Phase(**changes), LABELS)(jnp.asarray(LOGITS), jnp.asarray(LABELS)))


def test_the_plain_objective_is_the_cross_entropy_itself():
    assert make_objective(Phase(), LABELS) is cross_entropy
    np.testing.assert_allclose(losses(), -np.log(OF_LABEL), rtol=1e-5)


def test_label_smoothing_is_the_cross_entropy_against_smoothed_labels():
    targets = 0.9 * np.eye(4)[LABELS] + 0.1 / 4
    expected = -(targets * np.log(PROBABILITIES)).sum(axis=1)
    np.testing.assert_allclose(losses(label_smoothing=0.1), expected, rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_is_the_formula_of_the_paper(gamma: float):
    expected = -((1 - OF_LABEL) ** gamma) * np.log(OF_LABEL)
    np.testing.assert_allclose(losses(loss="focal", focal_gamma=gamma), expected, rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_loss_has_a_slope_where_an_answer_is_certain(gamma: float):
    objective = make_objective(Phase(loss="focal", focal_gamma=gamma), LABELS)
    slope = jax.grad(lambda logits: objective(logits, jnp.array([0])).sum())(jnp.array([[200.0, 0.0]]))
    assert np.isfinite(slope).all()


def test_balanced_class_weights_are_those_of_scikit_learn():
    """Class 2 does not occur in the training part."""
    present = np.unique(LABELS)
    weights = dict(
        zip(present, compute_class_weight("balanced", classes=present, y=LABELS), strict=True)
    )
    expected = np.array([weights[label] for label in LABELS]) * -np.log(OF_LABEL)
    np.testing.assert_allclose(losses(class_weights="balanced"), expected, rtol=1e-5)


def test_a_mixture_has_the_objective_of_both_labels_by_their_shares():
    objective = make_objective(Phase(class_weights="balanced", label_smoothing=0.1), LABELS)
    others, share = LABELS[::-1].copy(), np.linspace(0.5, 1, 6, dtype=np.float32)
    found = mixed(objective, jnp.asarray(LOGITS), Mixture(*map(jnp.asarray, (LABELS, others, share))))
    one, other = (np.asarray(objective(jnp.asarray(LOGITS), jnp.asarray(to))) for to in (LABELS, others))
    np.testing.assert_allclose(found, share * one + (1 - share) * other, rtol=1e-5)


def test_the_loss_that_is_logged_is_the_cross_entropy_whatever_the_objective_is():
    objective = make_objective(Phase(loss="focal"), LABELS)
    weights = jnp.array([1.0] * 5 + [0.0])
    totals = batch_totals(jnp.asarray(LOGITS), jnp.asarray(LABELS), weights, objective)
    assert float(totals["loss"]) == pytest.approx(-np.log(OF_LABEL[:5]).sum(), rel=1e-5)
    assert float(totals["objective"]) == pytest.approx(losses(loss="focal")[:5].sum(), rel=1e-5)
