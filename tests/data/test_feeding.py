"""Every example of a store is met once, in its order, and none is a filler."""

import numpy as np
import pytest

from vitlab import runtime
from vitlab.data import Sampler, Store, feed, map_store


def some_store(count: int) -> Store:
    """Example i shows the number 2 * i, which lies in another row."""
    rows = np.random.default_rng(0).permutation(count)
    inputs = np.zeros((count, 1), np.float32)
    inputs[rows, 0] = 2 * np.arange(count)
    return Store(inputs, rows, np.arange(count, dtype=np.int32))


@pytest.mark.parametrize("batch_size", [1, 4, 7, 64])
def test_a_function_of_a_store_has_a_row_per_example(batch_size: int):
    found = map_store(lambda x: x + 1, some_store(10), batch_size, runtime.device_mesh(), "x")
    np.testing.assert_array_equal(found[:, 0], 2 * np.arange(10) + 1)


def test_inputs_labels_and_weights_stay_together():
    batches = list(feed(some_store(10), Sampler(10, 4, seed=1), runtime.device_mesh(), 2))
    assert [batch.count for batch in batches] == [4, 4, 2]
    for batch in batches:
        np.testing.assert_array_equal(batch.inputs[:, 0], 2 * batch.labels)
        assert float(batch.weights.sum()) == batch.count
