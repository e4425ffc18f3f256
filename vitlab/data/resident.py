"""Stores that lie on the devices whole, so that an epoch touches no pixels on the host.

The inputs are cut over all devices of all processes; a batch is gathered by index: each device takes
what it holds, and hands on what others need.
"""

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array

from vitlab import runtime
from vitlab.data.stores import Store
from vitlab.progress import say

GIB = 2**30
CPU_GIB = 1.0  # of all of a computer's devices together: their memory is the host's
SHARE = 0.25  # of an accelerator's memory; the rest is for the network
UNKNOWN_GIB = 2.0  # where an accelerator does not tell how much memory it has
CHUNK_BYTES = 2**26  # so much lies on the host while the devices are filled


class ResidentStore:
    """The examples of a store, in its order, on the devices of a mesh."""

    def __init__(self, store: Store, mesh: Mesh):
        self.labels = store.labels
        shape = store.inputs.shape[1:]
        sharding = runtime.by_example(mesh)
        # Flat: on a TPU an axis of 3 would be padded to 128.
        share, width = math.ceil(len(store) / mesh.size), math.prod(shape)
        whole = (share * mesh.size, width)
        parts = [
            _fill(device, store, index[0].indices(whole[0])[0], share)
            for device, index in sharding.addressable_devices_indices_map(whole).items()
            if index is not None
        ]
        self._inputs = jax.make_array_from_single_device_arrays(whole, sharding, parts)
        axes = sharding.spec[0]

        def gather(inputs: Array, indices: Array) -> Array:
            first = jax.lax.axis_index(axes) * share
            is_here = (indices >= first) & (indices < first + share)
            found = inputs[jnp.where(is_here, indices - first, 0)]
            if mesh.size > 1:
                found = jnp.where(is_here[:, None], found, 0)
                found = jax.lax.psum_scatter(found, axes, tiled=True)
            return found.reshape(-1, *shape)

        self._gather = jax.jit(
            jax.shard_map(
                gather, mesh=mesh, in_specs=(sharding.spec, PartitionSpec()), out_specs=sharding.spec
            )
        )

    def __len__(self) -> int:
        return len(self.labels)

    def gather(self, indices: np.ndarray) -> Array:
        """The inputs of these examples, cut over the devices along the first axis."""
        return self._gather(self._inputs, indices.astype(np.int32))


def on_devices(stores: Sequence[Store], mesh: Mesh, gib: float) -> list[Store | ResidentStore]:
    """Those of the stores that fit into `gib` GiB of each device, the first ones first; the others as
    they are. A negative number stands for what suits the kind of device."""
    budget = (gib if gib >= 0 else _usual_gib(mesh)) * GIB
    placed: list[Store | ResidentStore] = []
    taken, count = 0.0, 0
    for store in stores:
        size = math.prod(store.inputs.shape[1:]) * store.inputs.dtype.itemsize * len(store) / mesh.size
        if taken + size > budget:
            placed.append(store)
            continue
        placed.append(ResidentStore(store, mesh))
        taken, count = taken + size, count + len(store)
    say(
        f"         {count} of {sum(map(len, stores))} examples stay on the device: "
        f"{taken / GIB:.2f} of {budget / GIB:g} GiB (dataset.device_gib)"
    )
    return placed


def _usual_gib(mesh: Mesh) -> float:
    device = mesh.local_devices[0]
    if device.platform == "cpu":
        return CPU_GIB / len(mesh.local_devices)
    memory = (device.memory_stats() or {}).get("bytes_limit")
    # Whole GiB, so that all processes come to the same number.
    return max(memory * SHARE // GIB, 1.0) if memory else UNKNOWN_GIB


def _fill(device: jax.Device, store: Store, start: int, share: int) -> Array:
    """`share` examples on a device, from `start` on; beyond the end of the store there are zeros."""
    width = math.prod(store.inputs.shape[1:])
    chunk = max(1, CHUNK_BYTES // (width * store.inputs.dtype.itemsize))
    with jax.default_device(device):
        part = jnp.zeros((share, width), store.inputs.dtype)
    stop = min(start + share, len(store))
    for first in range(start, stop, chunk):
        some = np.arange(first, min(first + chunk, stop))
        values = jax.device_put(store.fetch(some).reshape(len(some), width), device)
        part = _write(part, values, first - start)
    return part


@partial(jax.jit, donate_argnums=0)
def _write(whole: Array, part: Array, first: int) -> Array:
    return jax.lax.dynamic_update_slice(whole, part, (first, 0))
