"""Batches of a store as arrays over the whole mesh; each process reads only its own rows."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import AbstractMesh, Mesh
from jaxtyping import Array

from vitlab import runtime
from vitlab.data.resident import ResidentStore
from vitlab.data.sampler import Batch, Sampler
from vitlab.data.stores import Store
from vitlab.errors import InputError
from vitlab.progress import Progress
from vitlab.threads import helpers

T = TypeVar("T")

AHEAD = 2  # batches that are ready, or being read, while the device works on another


@dataclass(frozen=True)
class GlobalBatch:
    """Inputs, labels and weights of a batch, cut over the devices along the first axis."""

    inputs: Array
    labels: Array
    weights: Array
    count: int  # of real examples, without the fillers


def feed(
    store: Store | ResidentStore,
    sampler: Sampler,
    mesh: Mesh,
    epoch: int = 0,
    *,
    start: int = 0,
    stop: int | None = None,
) -> Generator[GlobalBatch]:
    """The batches `start` to before `stop` of an epoch of `sampler`; the next ones are read meanwhile.

    What goes wrong while a batch is read is raised where that batch is due. Close it if it is not
    taken to its end.
    """
    check_batch_size(sampler.batch_size, mesh)
    batches = sampler.epoch(epoch, start, stop)
    if isinstance(store, ResidentStore):
        # Gathered here, not in the other thread: programs that speak between devices must start in
        # the same order in every process.
        for batch in _ahead(batches):
            yield _global(batch, store.gather(batch.indices), store.labels, mesh)
    else:
        yield from _ahead(_read(batch, store, mesh) for batch in batches)


def map_store(
    function: Callable[[Array], Array], store: Store, batch_size: int, mesh: Mesh, title: str
) -> np.ndarray:
    """`function` of every example's inputs, in the store's order, none missing, none twice."""
    sampler = Sampler(len(store), batch_size)
    progress = Progress(len(store), title, "images")
    results = []
    for batch in feed(store, sampler, mesh):
        results.append(runtime.to_host(function(batch.inputs))[: batch.count])
        progress.advance(batch.count)
    progress.close()
    return np.concatenate(results)


def check_batch_size(
    batch_size: int, mesh: Mesh | AbstractMesh, parts: int = 1, where: str = ""
) -> None:
    """Each of the `parts` that the setting `where` cuts a batch into is a batch to the devices.

    Raises:
        InputError: one of them does not divide over the devices.
    """
    share = parts * mesh.size
    if batch_size % share:
        cut = f" in {parts} parts ({where})" if parts > 1 else ""
        raise InputError(
            f"batch_size {batch_size}{cut} does not divide over {mesh.size} devices; "
            f"use {max(batch_size // share, 1) * share}"
        )


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, made one after the other in a thread, some of them before they are asked for."""
    end: Any = object()
    with helpers(1) as pool:
        waiting = deque(pool.submit(next, items, end) for _ in range(AHEAD))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, items, end))
            yield item


def _read(batch: Batch, store: Store, mesh: Mesh) -> GlobalBatch:
    inputs = _place(lambda part: store.fetch(batch.indices[part]), batch, store.inputs.shape[1:], mesh)
    return _global(batch, inputs, store.labels, mesh)


def _global(batch: Batch, inputs: Array, labels: np.ndarray, mesh: Mesh) -> GlobalBatch:
    return GlobalBatch(
        inputs,
        _place(lambda part: labels[batch.indices[part]], batch, (), mesh),
        _place(lambda part: batch.weights[part], batch, (), mesh),
        int(batch.weights.sum()),
    )


def _place(
    read: Callable[[slice], np.ndarray], batch: Batch, shape: tuple[int, ...], mesh: Mesh
) -> Array:
    """An array over the mesh, of which each process reads what its own devices hold."""

    def of_device(index: Any) -> np.ndarray:
        return read(index[0])

    whole = (len(batch.indices), *shape)
    return jax.make_array_from_callback(whole, runtime.by_example(mesh), of_device)
