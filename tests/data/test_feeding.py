"""Every example of a store is met once, in its order, and none is a filler, wherever it lies."""

import os
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from vitlab import runtime
from vitlab.data import ResidentStore, Sampler, Store, feed, map_store, on_devices
from vitlab.data.feeding import AHEAD


def some_store(count: int) -> Store:
    """Example i shows the number 2 * i, which lies in another row."""
    rows = np.random.default_rng(0).permutation(count)
    inputs = np.zeros((count, 1), np.float32)
    inputs[rows, 0] = 2 * np.arange(count)
    return Store(inputs, rows, np.arange(count, dtype=np.int32))


def resident(store: Store) -> ResidentStore:
    return ResidentStore(store, runtime.device_mesh())


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 40), batch_size=st.integers(1, 50))
def test_a_function_of_a_store_has_a_row_per_example(count: int, batch_size: int):
    found = map_store(lambda x: x + 1, some_store(count), batch_size, runtime.device_mesh(), "x")
    np.testing.assert_array_equal(found[:, 0], 2 * np.arange(count) + 1)


@pytest.mark.parametrize("place", [lambda store: store, resident], ids=["host", "device"])
def test_inputs_labels_and_weights_stay_together(place):
    store, sampler = place(some_store(10)), Sampler(10, 4, seed=1)
    batches = list(feed(store, sampler, runtime.device_mesh(), 2))
    assert [batch.count for batch in batches] == [4, 4, 2]
    for batch, expected in zip(batches, sampler.epoch(2), strict=True):
        np.testing.assert_array_equal(batch.inputs[:, 0], 2 * batch.labels)
        np.testing.assert_array_equal(batch.labels, expected.indices)
        np.testing.assert_array_equal(batch.weights, expected.weights)


def test_a_store_on_the_device_gives_the_bytes_of_the_host_and_reads_them_no_more():
    images = np.random.default_rng(0).integers(0, 256, (9, 5, 4, 3), np.uint8)
    store = Store(images.copy(), np.array([8, 2, 2, 5, 0]), np.arange(5, dtype=np.int32))
    placed = resident(store)
    store.inputs[:] = 0  # type: ignore[index]
    found = np.asarray(placed.gather(np.array([3, 0, 4])))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, images[[5, 8, 0]])


def test_stores_lie_on_the_device_as_long_as_they_fit(capsys):
    first, second = (
        Store(np.zeros((1000, 1024), np.uint8), np.arange(1000), np.zeros(1000)),
        some_store(3),
    )
    mesh = runtime.device_mesh()

    def kinds(gib: float) -> list[bool]:
        return [isinstance(store, ResidentStore) for store in on_devices((first, second), mesh, gib)]

    assert kinds(0.0) == [False, False]
    assert kinds(0.0001) == [False, True]
    assert kinds(0.001) == [True, True]
    assert kinds(-1.0) == [True, True]
    said = capsys.readouterr().out.splitlines()
    assert "0 of 1003 examples stay on the device: 0.00 of 0 GiB (dataset.device_gib)" in said[0]
    assert "1003 of 1003 examples stay on the device: 0.00 of 1 GiB" in said[-1]


class Watched(Store):
    """A store that tells which batches it was asked for, and by which thread."""

    asked: list[np.ndarray]
    threads: set[threading.Thread]
    fails_at: int = -1

    def fetch(self, indices: np.ndarray) -> np.ndarray:
        self.asked.append(indices)
        self.threads.add(threading.current_thread())
        if len(self.asked) == self.fails_at:
            raise OSError("the disk is gone")
        return super().fetch(indices)


def watched(count: int, fails_at: int = -1) -> Watched:
    store = some_store(count)
    found = Watched(store.inputs, store.rows, store.labels)
    for name, value in (("asked", []), ("threads", set()), ("fails_at", fails_at)):
        object.__setattr__(found, name, value)
    return found


def wait_for_readers(store: Watched) -> None:
    for thread in store.threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_the_next_batches_are_read_while_one_is_used_and_no_more():
    store = watched(100)
    batches = feed(store, Sampler(100, 10), runtime.device_mesh())
    next(batches)
    deadline = time.monotonic() + 60
    while len(store.asked) < 1 + AHEAD:  # nobody asks for another batch meanwhile
        assert time.monotonic() < deadline
    batches.close()
    wait_for_readers(store)
    assert len(store.asked) == 1 + AHEAD
    assert threading.main_thread() not in store.threads


def test_an_error_of_the_reading_thread_reaches_the_loop_where_the_batch_is_due():
    store, met = watched(100, fails_at=4), []
    batches = feed(store, Sampler(100, 10), runtime.device_mesh())
    with pytest.raises(OSError, match="the disk is gone"):
        while True:
            met.append(next(batches).labels[0].item())
    assert met == [0, 10, 20]
    wait_for_readers(store)


# ------------------------------------------------------------------- several devices and processes

SEVERAL = """
import sys
import jax
import numpy as np

processes, rank, port = map(int, sys.argv[1:])
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 4 // processes)
if processes > 1:
    jax.distributed.initialize(f"localhost:{port}", processes, rank)

from vitlab import runtime
from vitlab.data import ResidentStore, Sampler, Store, feed, map_store

mesh = runtime.device_mesh()
assert mesh.size == 4 and jax.process_count() == processes
read = set()

class Watched(Store):
    def fetch(self, indices):
        read.update(indices.tolist())
        return super().fetch(indices)

for count in (1, 3, 8, 21):
    inputs = np.random.default_rng(0).integers(0, 256, (count, 2, 2, 3), np.uint8)
    store = Watched(inputs, np.arange(count), np.arange(count, dtype=np.int32))
    for batch_size in (4, 8, 24):
        read.clear()
        found = map_store(lambda images: images, store, batch_size, mesh, "x")
        np.testing.assert_array_equal(found, inputs)
        if processes > 1 and count == 21 and batch_size == 24:
            assert len(read) <= 15, read  # its half of the batch, of which 3 are fillers
        for placed in (store, ResidentStore(store, mesh)):
            sampler = Sampler(count, batch_size, 5)
            met = []
            for batch in feed(placed, sampler, mesh, 1):
                whole = [runtime.to_host(a) for a in (batch.inputs, batch.labels, batch.weights)]
                np.testing.assert_array_equal(whole[0], inputs[whole[1]])
                met += whole[1][whole[2] == 1].tolist()
            assert sorted(met) == list(range(count)), met
print("all of them")
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_no_image_is_lost_or_repeated_over_several_devices_and_processes(processes: int):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SEVERAL, str(processes), str(rank), str(port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XLA_FLAGS": ""},
        )
        for rank in range(processes)
    ]
    for process in running:
        said, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
        assert "all of them" in said
