"""Embeddings on disk: a file for each store and backbone, written whole, bounded in their sum."""

import contextlib
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh

import vitlab
from vitlab import files, runtime
from vitlab.errors import InputError
from vitlab.processor import core_count, processor_name
from vitlab.progress import say

FORMULATION = 4  # to be raised where a network comes to round otherwise within a version
# 2.8 million images at a width of 768, or ten views of 280,000; twenty thousand take 60 MB.
MOST_BYTES = 8 * 2**30
ABANDONED = 24 * 3600  # seconds: whoever wrote an unfinished file for longer was killed

# What NumPy and zipfile make of a file whose bytes have changed, wherever that is.
DAMAGES = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    MemoryError,
    RuntimeError,
    zlib.error,
    zipfile.BadZipFile,
)


class KeptEmbeddings:
    """The files of all runs, by key. None of them is needed: what goes wrong is said, not raised."""

    def __init__(self) -> None:
        self._folder = runtime.cache_folder("embeddings")
        self._can_write = True

    def path(self, key: str) -> Path:
        return self._folder / f"{key}.npz"

    def read(self, key: str, count: int) -> np.ndarray | None:
        """float32 [count, width], bit by bit what was written; a damaged file is removed."""
        path = self.path(key)
        try:
            with np.load(path, allow_pickle=False) as archive:
                embeddings = archive["embeddings"]  # zip's checksum finds a changed bit
            if embeddings.dtype != np.float32 or embeddings.ndim != 2 or len(embeddings) != count:
                raise ValueError(f"{embeddings.dtype} {list(embeddings.shape)} for {count} images")
        except FileNotFoundError:
            return None
        except DAMAGES as error:
            say(f"warning: the embeddings in {path} cannot be read ({error}); they are computed again")
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):  # a cache that can only be read has no order
            os.utime(path)
        return embeddings

    def write(self, key: str, embeddings: np.ndarray) -> None:
        """Keeps them, and lets those go that were read longest ago. A full disk is warned of once."""
        if not self._can_write or embeddings.nbytes > MOST_BYTES:
            return
        try:
            with files.replacing(self.path(key)) as temporary, open(temporary, "wb") as file:
                np.savez(file, embeddings=embeddings)
        except InputError as error:
            self._can_write = False
            say(f"warning: {error}; this run goes on, and keeps no embeddings")
            return
        files.sweep(self._folder, older_than_seconds=ABANDONED)
        self._make_room()

    def _make_room(self) -> None:
        found = []
        for path in self._folder.glob("*.npz"):
            with contextlib.suppress(OSError):  # another process removes it
                state = path.stat()
                found.append((state.st_mtime_ns, path, state.st_size))
        total = sum(size for *_, size in found)
        for _, path, size in sorted(found):
            if total <= MOST_BYTES:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size


def machine(mesh: Mesh, options: Mapping[str, str] | None) -> str:
    """All that rounds: the formulation, devices, the processor and its threads, the compiler and its
    flags. Of two processors that share a folder, each may have instructions that add otherwise."""
    devices = mesh.devices.flat
    facts = (
        vitlab.__version__,
        FORMULATION,
        os.environ.get("VITLAB_LAYERS", ""),
        jax.__version__,
        *(str(device.device_kind) for device in devices),
        dict(mesh.shape),
        devices[0].client.platform_version,
        processor_name(),
        core_count(),
        os.environ.get("XLA_FLAGS", ""),
        jax.config.read("jax_disable_most_optimizations"),
        options,
    )
    return "\n".join(map(str, facts))
