"""Every example once an epoch, whatever the batch size; the position is two numbers."""

import numpy as np
import pytest
from scipy import stats

from vitlab.data import Sampler
from vitlab.data.sampler import shuffled


def real(batches) -> np.ndarray:
    return np.concatenate([batch.indices[batch.weights == 1] for batch in batches])


@pytest.mark.parametrize(("count", "batch_size"), [(10, 3), (12, 4), (5, 8), (1, 1)])
@pytest.mark.parametrize("seed", [None, 7])
def test_every_example_comes_once_and_fillers_weigh_nothing(count, batch_size, seed):
    sampler = Sampler(count, batch_size, seed)
    for epoch in range(3):
        batches = list(sampler.epoch(epoch))
        assert len(batches) == len(sampler)
        assert all(len(batch.indices) == batch_size for batch in batches)
        assert sorted(real(batches)) == list(range(count))


def test_without_a_seed_the_order_is_the_stores():
    np.testing.assert_array_equal(real(Sampler(10, 3).epoch(0)), np.arange(10))


def test_each_epoch_has_an_order_of_its_own_and_always_the_same():
    first, second, again = (real(Sampler(50, 8, 1).epoch(epoch)) for epoch in (0, 1, 0))
    assert (first != second).any()
    np.testing.assert_array_equal(first, again)
    assert (first != real(Sampler(50, 8, 2).epoch(0))).any()


def test_orders_are_as_random_as_can_be():
    """Each example is at each place equally often, and neighbours are in each order equally often."""
    orders = np.array([shuffled(10, seed, times) for seed in range(60) for times in range(50)])
    for place in range(10):
        assert stats.chisquare(np.bincount(orders[:, place], minlength=10)).pvalue > 1e-3
    places = np.argsort(orders, axis=1)
    before = (places[:, :-1] < places[:, 1:]).sum(axis=0)
    assert stats.binomtest(int(before.sum()), 9 * len(orders)).pvalue > 1e-3
    assert np.abs(before - len(orders) / 2).max() < 4 * np.sqrt(len(orders) / 4)
    neighbours = np.abs(np.diff(orders, axis=1)) == 1
    assert neighbours.mean() == pytest.approx(2 / 10, abs=0.02)
    one_after_another = np.corrcoef(places[:-1].ravel(), places[1:].ravel())[0, 1]
    assert abs(one_after_another) < 4 / np.sqrt(places.size)


def test_many_examples_are_all_there():
    assert sorted(shuffled(70_000, 1, 2)) == list(range(70_000))


def test_an_epoch_begun_in_the_middle_is_the_rest_of_it():
    sampler = Sampler(50, 8, 3)
    whole, rest = list(sampler.epoch(4)), list(sampler.epoch(4, start=3))
    for one, other in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.weights, other.weights)


def test_an_epoch_cut_short_is_the_beginning_of_it():
    sampler = Sampler(50, 8, 3)
    whole, part = list(sampler.epoch(4)), list(sampler.epoch(4, start=1, stop=5))
    for one, other in zip(whole[1:5], part, strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
    assert len(list(sampler.epoch(4, stop=99))) == len(sampler)


def test_fillers_are_different_examples_of_the_same_epoch():
    """A batch norm that trains would take the spread of one example many times for small."""
    *_, last = Sampler(20, 16, 5).epoch(2)
    fillers = last.indices[last.weights == 0]
    assert len(set(fillers)) == len(fillers) == 12
    first = next(iter(Sampler(20, 16, 5).epoch(2)))
    np.testing.assert_array_equal(fillers, first.indices[:12])


def shown(sampler: Sampler, epoch: int) -> np.ndarray:
    """The examples of an epoch, without fillers."""
    batches = list(sampler.epoch(epoch))
    return np.concatenate([batch.indices[batch.weights > 0] for batch in batches])


def test_a_balanced_epoch_shows_each_class_equally_often_and_in_time_every_image():
    labels = np.array([0] * 20 + [2] * 7 + [5] * 3)
    sampler = Sampler(30, 8, seed=1, labels=labels)
    epochs = [shown(sampler, epoch) for epoch in range(4)]
    for indices in epochs:
        assert np.bincount(labels[indices], minlength=6).tolist() == [10, 0, 10, 0, 0, 10]
    assert sorted(np.concatenate(epochs[:2])[labels[np.concatenate(epochs[:2])] == 0]) == list(range(20))
    assert not (epochs[0] == epochs[1]).all()


def test_a_balanced_epoch_goes_on_from_any_batch():
    sampler = Sampler(30, 8, seed=1, labels=np.arange(30) % 7)
    whole, rest = list(sampler.epoch(3)), list(sampler.epoch(3, start=2))
    for one, other in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)


def test_an_example_comes_in_one_view_after_the_other():
    """Row `view * count + example` of the store is the example in that view."""
    plain, sampler = Sampler(10, 4, seed=3), Sampler(10, 4, seed=3, views=3)
    for epoch in range(7):
        for one, other in zip(plain.epoch(epoch), sampler.epoch(epoch), strict=True):
            np.testing.assert_array_equal(other.indices, one.indices + epoch % 3 * 10)
            np.testing.assert_array_equal(other.weights, one.weights)


def test_an_example_of_a_balanced_epoch_comes_in_all_views_before_one_comes_again():
    labels = np.array([0] * 20 + [2] * 7 + [5] * 3)
    sampler = Sampler(30, 8, seed=1, labels=labels, views=4)
    rows = np.concatenate([shown(sampler, epoch) for epoch in range(12)])
    for example in range(30):
        views = rows[rows % 30 == example] // 30
        # Those of an epoch are shuffled, in which a rare example comes up to four times.
        counts = np.bincount(views, minlength=4)
        assert counts.max() - counts.min() <= 1
    assert len(rows[rows % 30 == 29]) == 40
