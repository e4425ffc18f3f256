"""Several augmented versions of each training image, of which a frozen backbone is asked once."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from vitlab.augmentation_settings import Augmentation
from vitlab.data import augment_each
from vitlab.errors import InputError
from vitlab.models import Arrays, Network

GB = 1e9


@dataclass(frozen=True)
class Views:
    """`count` views of each image, by `augmentation`; `phase` is whose they are.

    What is drawn for an image depends on `seed`, the view and the image's place in its store alone, and
    so on no batch size.
    """

    phase: str
    count: int
    augmentation: Augmentation
    seed: int

    def key(self, general: str, view: int) -> str:
        """Of a view; `general` stands for all else that its embeddings depend on, and may be empty."""
        facts = f"{general} {self.augmentation} {self.seed} {view}"
        return general and hashlib.sha256(facts.encode()).hexdigest()[:32]

    def room(self, examples: int, width: int) -> np.ndarray:
        """Where the embeddings of all views will be: float32 [views * examples, width].

        Raises:
            InputError: the memory that is free is too small for them.
        """
        size, free = 4 * self.count * examples * width, _free_memory()
        if size > free:
            raise InputError(
                f"phases.{self.phase}.views is {self.count}: the embeddings of so many views of "
                f"{examples} images take {size / GB:.3g} GB, and {free / GB:.3g} GB of memory are free; "
                "set it lower, or to 0 for new augmentation in every epoch"
            )
        return np.empty((self.count * examples, width), np.float32)


def embed_view(
    network: Network,
    augmentation: Augmentation,
    parameters: Arrays,
    statistics: Arrays,
    images: Array,
    first: Array,
    seed: Array,
    view: Array,
) -> Array:
    """What the backbone says of the images from number `first` of a store on, each augmented."""
    # A number that the key of no step can reach: they are of the same seed.
    of_views = jax.random.fold_in(jax.random.key(seed), 2**31)
    of_view = jax.random.fold_in(of_views, view)
    numbers = first + jnp.arange(len(images))
    keys = jax.vmap(lambda number: jax.random.fold_in(of_view, number))(numbers)
    return network.embed(parameters, statistics, augment_each(images, keys, augmentation))


def _free_memory() -> int:
    """Bytes: what Linux says a process can still take, within the limit of its container or batch job
    if there is one; elsewhere, all that the machine has."""
    known = Path("/proc/meminfo")
    text = known.read_text(encoding="utf-8") if known.exists() else ""
    found = re.search(r"^MemAvailable:\s*(\d+) kB$", text, re.MULTILINE)
    free = int(found[1]) * 1024 if found else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    group = Path("/sys/fs/cgroup")
    limit, used = (_number(group / f"memory.{name}") for name in ("max", "current"))
    return free if limit is None or used is None else min(free, limit - used)


def _number(file: Path) -> int | None:
    text = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    return int(text) if text.isdigit() else None
