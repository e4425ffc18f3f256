"""Batches of a store as arrays over the whole mesh; each process reads only its own rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from vitlab import runtime
from vitlab.data.sampler import Batch, Sampler
from vitlab.data.stores import Store
from vitlab.errors import InputError
from vitlab.progress import Progress


@dataclass(frozen=True)
class GlobalBatch:
    """Inputs, labels and weights of a batch, cut over the devices along the first axis."""

    inputs: Array
    labels: Array
    weights: Array
    count: int  # of real examples, without the fillers


def feed(
    store: Store, sampler: Sampler, mesh: Mesh, epoch: int = 0, *, start: int = 0
) -> Iterator[GlobalBatch]:
    """The batches of an epoch of `sampler` from batch `start` on."""
    check_batch_size(sampler.batch_size, mesh)
    share = sampler.batch_size // jax.process_count()
    mine = slice(jax.process_index() * share, (jax.process_index() + 1) * share)
    for batch in sampler.epoch(epoch, start):
        yield _place(batch, store, mine, mesh)


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


def check_batch_size(batch_size: int, mesh: Mesh) -> None:
    if batch_size % mesh.size:
        raise InputError(
            f"batch_size {batch_size} does not divide over {mesh.size} devices; "
            f"use {max(batch_size // mesh.size, 1) * mesh.size}"
        )


def _place(batch: Batch, store: Store, mine: slice, mesh: Mesh) -> GlobalBatch:
    sharding = runtime.by_example(mesh)
    inputs, labels, weights = (
        jax.make_array_from_process_local_data(sharding, local)
        for local in (*store.fetch(batch.indices[mine]), batch.weights[mine])
    )
    return GlobalBatch(inputs, labels, weights, int(batch.weights.sum()))
