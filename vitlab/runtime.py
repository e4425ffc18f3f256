"""What must be set before JAX starts, and the mesh of devices that everything runs on.

Importing this module imports no JAX; `start` does.
"""

import math
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitlab.errors import InputError

if TYPE_CHECKING:
    import jax

# Elements; the round trip that a smaller array would save costs more than its memory.
LEAST_DIVIDED = 2**12

# Huge pages; blocks of any size come from heaps that give nothing back to the system.
ALLOCATOR = {
    "hugetlb": 1,
    "mmap_threshold": 2**32,
    "trim_threshold": 2**34,
}


def tune_allocator() -> None:
    """Starts this process again, once, with glibc's allocator told to keep huge pages.

    XLA on CPU allocates and frees all of its temporaries at every step. Left to itself, glibc gives
    them back to the system, and each step faults in half a million pages of 4 KB again: MobileNetV2
    and ViT-Ti run 1.3 to 1.6 times slower. Every core's thread has a heap of its own: compiling leaves
    holes in the main one, and a thread that shares it walks along them at every block, which made a step
    of Inception v3 a fifth longer. With many more heaps than that, the largest blocks come and go again.
    glibc reads the setting only when a process starts.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if platform.libc_ver()[0] != "glibc" or "glibc.malloc" in tunables:
        return
    heaps = {"arena_max": (os.cpu_count() or 1) + 2}
    settings = [f"glibc.malloc.{name}={value}" for name, value in (ALLOCATOR | heaps).items()]
    sys.stdout.flush()
    arguments = [sys.executable, *sys.orig_argv[1:]]
    environment = {**os.environ, "GLIBC_TUNABLES": ":".join(filter(None, [tunables, *settings]))}
    os.execve(sys.executable, arguments, environment)


def start() -> None:
    """Sets the log level and the compilation cache, and starts JAX; call it before the first array.

    On CPU a program runs in the thread that calls it. JAX would hand it to another one, and of a heap
    that is not the main thread's glibc gives every block over 64 MB back to the system, whatever
    ALLOCATOR says: each step then faulted in gigabytes again, which took 5 to 10 % of it. What shall
    happen meanwhile needs a thread of its own, as the reading of batches has.

    Raises:
        InputError: the cache folder cannot be written.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    import jax

    jax.config.update("jax_compilation_cache_dir", str(cache_folder("compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_cpu_enable_async_dispatch", False)


def cache_folder(name: str) -> Path:
    """A folder that outlives runs, for `name`: decoded images, downloads, compiled programs.

    It lies in $VITLAB_CACHE, or in the user's cache folder.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("VITLAB_CACHE") or Path(base) / "vitlab") / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the cache folder {folder}: {error.strerror}; "
            "set VITLAB_CACHE to a folder that you may write to"
        ) from error
    return folder


def device_mesh(fsdp: int = 1) -> "jax.sharding.Mesh":
    """All devices of all processes on the axes `data` and `fsdp`, the latter of `fsdp` devices.

    Raises:
        InputError: the devices do not divide so.
    """
    import jax

    count = jax.device_count()
    if count % fsdp:
        raise InputError(f"fsdp is {fsdp}, which does not divide the {count} devices of this job")
    axes = ("data", "fsdp")
    automatic = (jax.sharding.AxisType.Auto,) * len(axes)
    return jax.make_mesh((count // fsdp, fsdp), axes, axis_types=automatic)


def replicated(mesh: "jax.sharding.Mesh") -> "jax.sharding.NamedSharding":
    """Every device holds the whole array."""
    import jax

    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())


def divided(mesh: "jax.sharding.Mesh", shape: tuple[int, ...]) -> "jax.sharding.NamedSharding":
    """The longest axis that divides is cut over the devices of `fsdp`; small arrays stay whole."""
    import jax

    size = mesh.shape["fsdp"]
    axes = [axis for axis, length in enumerate(shape) if length % size == 0]
    if size == 1 or not axes or math.prod(shape) < LEAST_DIVIDED:
        return replicated(mesh)
    longest = max(axes, key=lambda axis: shape[axis])
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*[None] * longest, "fsdp"))


def placed(tree: Any, mesh: "jax.sharding.Mesh") -> Any:
    """The arrays on the devices of the mesh, `divided`; every process has the same ones."""
    import jax

    def place(array: Any) -> "jax.Array":
        sharding = divided(mesh, array.shape)
        if not isinstance(array, jax.Array) or array.is_fully_addressable:
            if sharding.is_fully_addressable:
                return jax.device_put(array, sharding)
            whole = np.asarray(array)
            return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])
        return jax.device_put(array, sharding)

    return jax.tree.map(place, tree)


def by_example(mesh: "jax.sharding.Mesh") -> "jax.sharding.NamedSharding":
    """The first axis, the batch, is cut over all devices."""
    import jax

    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(("data", "fsdp")))


def to_host(array: Any) -> np.ndarray:
    """The whole of a possibly sharded array, in every process."""
    if getattr(array, "is_fully_addressable", True):
        return np.asarray(array)
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(array, tiled=True))
