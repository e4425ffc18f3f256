"""What a backbone says of every image, computed once for as long as the backbone stays the same."""

import hashlib
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from vitlab import runtime
from vitlab.data import Store, map_store
from vitlab.models import Arrays, Network
from vitlab.progress import say
from vitlab.training.kept_embeddings import MOST_BYTES, KeptEmbeddings, machine
from vitlab.training.views import Views, embed_view

BACKBONE = "backbone/"


class Embedder:
    """Embeds whole stores, and remembers the embeddings of the last backbone it met.

    Those of a store that says by its `key` what it holds are kept on disk as well, for every later run,
    and so are those of its augmented views, which are remembered by whoever asked for them.
    Where several processes train together, none is: all must compute, or none, and their disks may
    differ. Without `keeps_on_disk` the disk is neither read nor written: what is computed shows what
    the network says today.
    """

    def __init__(self, network: Network, batch_size: int, mesh: Mesh, *, keeps_on_disk: bool = True):
        self._batch_size = batch_size
        self._mesh = mesh
        self._network = network
        self._embed = jax.jit(network.embed, compiler_options=network.compiler_options())
        self._backbone: Arrays = {}
        self._digest = ""  # of the backbone's arrays, once it is asked for
        self._known: list[tuple[Store, np.ndarray]] = []
        self._kept = KeptEmbeddings() if keeps_on_disk and jax.process_count() == 1 else None

    def __call__(self, parameters: Arrays, statistics: Arrays, store: Store, title: str) -> np.ndarray:
        """float32 [examples, width], in the store's order."""
        backbone = (parameters, statistics)
        self._forget_if_changed({**parameters, **statistics})
        for known, embeddings in self._known:
            if known is store:
                return embeddings
        key = self._key(self._embed, backbone, store)
        found = self._recall(key, store)
        if found is None:
            found = self._compute(partial(self._embed, *backbone), store, title, key)
        elif self._kept:
            say(f"         embeddings of {title} come from an earlier pass ({self._kept.path(key)})")
        self._known.append((store, found))
        return found

    def views(self, parameters: Arrays, statistics: Arrays, store: Store, views: Views) -> np.ndarray:
        """float32 [views * examples, width]: all examples in one view, then all in the next.

        Raises:
            InputError: the free memory is too small for them.
        """
        backbone, count = (parameters, statistics), len(store)
        self._forget_if_changed({**parameters, **statistics})
        width = jax.eval_shape(self._embed, *backbone, self._batch(store)).shape[1]
        whole = views.room(count, width)
        is_kept = whole.nbytes <= MOST_BYTES / 2  # they shall not push each other out
        say(
            f"         {views.count} augmented views of {count} images: {whole.nbytes / 1e6:.3g} MB of "
            f"embeddings{'' if is_kept else ', too many to be kept on disk'}"
        )
        of_view = partial(embed_view, self._network, views.augmentation)
        embed = jax.jit(of_view, compiler_options=self._network.compiler_options())
        general = self._key(embed, backbone, store, 0, 0, 0) if is_kept else ""
        earlier = 0
        for view in range(views.count):
            key = views.key(general, view)
            found = self._recall(key, store)
            earlier += found is not None
            if found is None:
                title = f"{views.phase}: view {view + 1} of {views.count}"
                one_view = _of_view(embed, backbone, views.seed, view, self._batch_size)
                found = self._compute(one_view, store, title, key)
            whole[view * count : (view + 1) * count] = found
        if earlier:
            say(f"         {earlier} of the {views.count} views come from earlier passes")
        return whole

    def _recall(self, key: str, store: Store) -> np.ndarray | None:
        return self._kept.read(key, len(store)) if self._kept and key else None

    def _compute(
        self, function: Callable[[Array], Array], store: Store, title: str, key: str
    ) -> np.ndarray:
        """Keeps what it computes, where there is a key for it."""
        embeddings = map_store(function, store, self._batch_size, self._mesh, title)
        if self._kept and key:
            self._kept.write(key, embeddings)
        return embeddings

    def _key(self, embed: Any, backbone: tuple[Arrays, Arrays], store: Store, *numbers: int) -> str:
        """Of all that a bit of the embeddings depends on: images, weights, computation, machine.

        The computation is the program that JAX gives to the compiler. It holds the network's structure,
        its options, the precision of products and the size of a batch, and leaves the head out; what
        `numbers` are given to it, it does not hold. Empty if nothing is kept.
        """
        if not (self._kept and store.key):
            return ""
        self._digest = self._digest or _digest(self._backbone)
        # Wherever the arrays lie now, each device will need all of them.
        place = runtime.replicated(self._mesh)
        arrays = jax.tree.map(
            lambda array: jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=place), backbone
        )
        program = embed.lower(*arrays, self._batch(store), *numbers).as_text()
        facts = (store.key, self._digest, program, machine(self._mesh, self._network.compiler_options()))
        return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def _batch(self, store: Store) -> jax.ShapeDtypeStruct:
        """The images of a batch, without the images."""
        shape = (self._batch_size, *store.inputs.shape[1:])
        return jax.ShapeDtypeStruct(shape, store.inputs.dtype, sharding=runtime.by_example(self._mesh))

    def _forget_if_changed(self, arrays: Arrays) -> None:
        backbone = {path: array for path, array in arrays.items() if path.startswith(BACKBONE)}
        same = backbone.keys() == self._backbone.keys() and all(
            array is self._backbone[path] for path, array in backbone.items()
        )
        if not same:
            self._backbone, self._digest, self._known = backbone, "", []


def _of_view(
    embed: Callable[..., Array], backbone: tuple[Arrays, Arrays], seed: int, view: int, batch_size: int
) -> Callable[[Array], Array]:
    """`embed_view` of the batches of a store, if they come in its order and all of them are full."""
    firsts = itertools.count(step=batch_size)
    return lambda images: embed(*backbone, images, next(firsts), seed, view)


def _digest(arrays: Arrays) -> str:
    """SHA-256 of names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for path, array in sorted(arrays.items()):
        values = runtime.to_host(array)
        digest.update(f"{path} {values.dtype} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
