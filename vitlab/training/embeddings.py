"""What a backbone says of every image, computed once for as long as the backbone stays the same."""

import hashlib

import jax
import numpy as np
from jax.sharding import Mesh

from vitlab import runtime
from vitlab.data import Store, map_store
from vitlab.models import Arrays, Network
from vitlab.progress import say
from vitlab.training.kept_embeddings import KeptEmbeddings, machine

BACKBONE = "backbone/"


class Embedder:
    """Embeds whole stores, and remembers the embeddings of the last backbone it met.

    Those of a store that says by its `key` what it holds are kept on disk as well, for every later run.
    Where several processes train together, none is: all must compute, or none, and their disks may
    differ.
    """

    def __init__(self, network: Network, batch_size: int, mesh: Mesh):
        self._batch_size = batch_size
        self._mesh = mesh
        self._embed = jax.jit(network.embed)
        self._backbone: Arrays = {}
        self._digest = ""  # of the backbone's arrays, once it is asked for
        self._known: list[tuple[Store, np.ndarray]] = []
        self._kept = KeptEmbeddings() if jax.process_count() == 1 else None

    def __call__(self, parameters: Arrays, statistics: Arrays, store: Store, title: str) -> np.ndarray:
        """float32 [examples, width], in the store's order."""
        self._forget_if_changed({**parameters, **statistics})
        for known, embeddings in self._known:
            if known is store:
                return embeddings
        embeddings = self._recall_or_compute(parameters, statistics, store, title)
        self._known.append((store, embeddings))
        return embeddings

    def _recall_or_compute(
        self, parameters: Arrays, statistics: Arrays, store: Store, title: str
    ) -> np.ndarray:
        key = self._key(parameters, statistics, store) if self._kept and store.key else ""
        if self._kept and key:
            embeddings = self._kept.read(key, len(store))
            if embeddings is not None:
                say(f"         embeddings of {title} come from an earlier pass ({self._kept.path(key)})")
                return embeddings
        embeddings = map_store(
            lambda images: self._embed(parameters, statistics, images),
            store,
            self._batch_size,
            self._mesh,
            title,
        )
        if self._kept and key:
            self._kept.write(key, embeddings)
        return embeddings

    def _key(self, parameters: Arrays, statistics: Arrays, store: Store) -> str:
        """Of all that a bit of the embeddings depends on: images, weights, computation, machine.

        The computation is the program that JAX gives to the compiler. It holds the network's structure,
        its options, the precision of products and the size of a batch, and leaves the head out.
        """
        self._digest = self._digest or _digest(self._backbone)
        shape = (self._batch_size, *store.inputs.shape[1:])
        images = jax.ShapeDtypeStruct(shape, store.inputs.dtype, sharding=runtime.by_example(self._mesh))
        # Wherever the arrays lie now, each device will need all of them.
        place = runtime.replicated(self._mesh)
        arrays = jax.tree.map(
            lambda array: jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=place),
            (parameters, statistics),
        )
        program = self._embed.lower(*arrays, images).as_text()
        facts = (store.key, self._digest, program, machine(self._mesh))
        return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def _forget_if_changed(self, arrays: Arrays) -> None:
        backbone = {path: array for path, array in arrays.items() if path.startswith(BACKBONE)}
        same = backbone.keys() == self._backbone.keys() and all(
            array is self._backbone[path] for path, array in backbone.items()
        )
        if not same:
            self._backbone, self._digest, self._known = backbone, "", []


def _digest(arrays: Arrays) -> str:
    """SHA-256 of names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for path, array in sorted(arrays.items()):
        values = runtime.to_host(array)
        digest.update(f"{path} {values.dtype} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
