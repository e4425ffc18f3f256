"""Mixup and CutMix: what an image becomes, what its target says, and who is left out."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from vitlab.augmentation_settings import Augmentation
from vitlab.data import Mixture, mix
from vitlab.data.augmentation.mixing import partners
from vitlab.training.step import batch_totals

COUNT = 64
LABELS = jnp.arange(COUNT)
ALL = jnp.ones(COUNT)


def flat_images(size: int = 16) -> jax.Array:
    """Image i has the value i everywhere."""
    return jnp.broadcast_to(
        jnp.arange(COUNT, dtype=jnp.float32)[:, None, None, None], (COUNT, size, size, 3)
    )


@pytest.mark.parametrize(
    "settings",
    [Augmentation(mixup=0.4), Augmentation(cutmix=1.0), Augmentation(mixup=0.4, cutmix=1.0)],
    ids=["mixup", "cutmix", "both"],
)
def test_the_share_of_the_target_is_the_share_of_the_pixels(settings: Augmentation):
    mixed, targets = mix(flat_images(), LABELS, ALL, jax.random.key(0), settings)
    expected = targets.share * targets.labels + (1 - targets.share) * targets.others
    np.testing.assert_allclose(mixed.mean((1, 2, 3)), expected, atol=1e-3)
    np.testing.assert_array_equal(targets.labels, LABELS)
    assert 0 <= float(targets.share.min()) < 0.3
    assert 0.7 < float(targets.share.max()) <= 1


def test_mixup_blends_every_pixel_and_cutmix_takes_a_rectangle():
    key = jax.random.key(0)
    blended, _ = mix(flat_images(), LABELS, ALL, key, Augmentation(mixup=1.0))
    assert np.ptp(np.asarray(blended), axis=(1, 2, 3)).max() < 1e-4
    cut, targets = mix(flat_images(), LABELS, ALL, key, Augmentation(cutmix=1.0))
    for image, label, other in zip(np.asarray(cut), targets.labels, targets.others, strict=True):
        assert set(np.unique(image)) <= {float(label), float(other)}
        taken = (image == float(other)).all(-1)
        if taken.any():
            rows, columns = np.flatnonzero(taken.any(1)), np.flatnonzero(taken.any(0))
            assert taken[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()


def test_both_together_take_turns():
    mixed, _ = mix(flat_images(), LABELS, ALL, jax.random.key(0), Augmentation(mixup=1.0, cutmix=1.0))
    whole = np.asarray(mixed) == np.round(mixed)
    assert 16 < (~whole.all((1, 2, 3))).sum() < 48


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 8.0])
def test_shares_follow_beta(alpha: float):
    labels, weights = jnp.arange(20_000), jnp.ones(20_000)
    images = jnp.zeros((20_000, 1, 1, 1))
    _, targets = mix(images, labels, weights, jax.random.key(0), Augmentation(mixup=alpha))
    assert float(targets.share.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(targets.share.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.02)
    for most in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        found = float((targets.share <= most).mean())
        assert found == pytest.approx(scipy.stats.beta.cdf(most, alpha, alpha), abs=0.015)


def test_cutmix_cuts_out_what_the_share_leaves():
    """With so large an alpha all shares are about half, and some rectangles lie wholly inside."""
    images = jnp.zeros((400, 40, 40, 1))
    _, targets = mix(
        images, jnp.arange(400), jnp.ones(400), jax.random.key(0), Augmentation(cutmix=100.0)
    )
    assert 0.40 < float(targets.share.min()) < 0.52


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 1000))
def test_real_images_meet_each_other_and_fillers_only_themselves(real: list[bool], seed: int):
    found = np.asarray(partners(jax.random.key(seed), jnp.array(real, jnp.float32)))
    places = np.flatnonzero(real)
    assert sorted(found[places]) == list(places)
    if len(places) > 1:
        assert (found[places] != places).all()
    fillers = np.flatnonzero(np.logical_not(real))
    np.testing.assert_array_equal(found[fillers], fillers)


@pytest.mark.parametrize("settings", [Augmentation(mixup=1.0), Augmentation(cutmix=1.0)])
def test_fillers_are_in_no_image_and_in_no_target(settings: Augmentation):
    weights = ALL.at[40:].set(0.0)
    images = flat_images().at[40:].set(jnp.nan)
    mixed, targets = mix(images, LABELS, weights, jax.random.key(0), settings)
    assert np.isfinite(np.asarray(mixed[:40])).all()
    assert (np.asarray(targets.others[:40]) < 40).all()
    np.testing.assert_array_equal(targets.share[40:], 1)


def test_the_loss_is_that_of_soft_targets_and_the_larger_share_is_the_answer():
    generator = np.random.default_rng(0)
    logits = jnp.asarray(generator.normal(size=(6, 4)), jnp.float32)
    labels, others = (jnp.asarray(generator.integers(0, 4, 6), jnp.int32) for _ in range(2))
    share = jnp.array([0.0, 0.2, 0.5, 0.7, 1.0, 0.9])
    weights = jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    soft = share[:, None] * jax.nn.one_hot(labels, 4) + (1 - share)[:, None] * jax.nn.one_hot(others, 4)
    losses = optax.softmax_cross_entropy(logits, soft)
    totals = batch_totals(logits, Mixture(labels, others, share), weights)
    assert float(totals["loss"]) == pytest.approx(float(losses[:5].sum()), rel=1e-5)
    larger = [others[0], others[1], labels[2], labels[3], labels[4]]
    right = sum(int(logits[i].argmax()) == int(label) for i, label in enumerate(larger))
    assert float(totals["correct"]) == right
    assert float(totals["count"]) == 5


def test_a_whole_share_is_the_loss_of_the_label():
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)
    labels, others = jnp.array([0, 1, 2, 0]), jnp.array([1, 1, 0, 2])
    hard = batch_totals(logits, labels, jnp.ones(4))
    soft = batch_totals(logits, Mixture(labels, others, jnp.ones(4)), jnp.ones(4))
    for name, value in hard.items():
        assert float(soft[name]) == pytest.approx(float(value), rel=1e-6)
