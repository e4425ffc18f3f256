"""Where new layers draw the keys of their first values."""

import jax
from flax import nnx
from jaxtyping import Array, Key


class Counted(nnx.RngStream):
    """The keys of an `nnx.RngStream`, counted by Python.

    Flax counts in an array, which is traced where a network is built without being run. Each key then
    walks through all that was traced before: half of the time that building takes.
    """

    def __init__(self, key: Key[Array, ""] | int, *, tag: str):
        super().__init__(key, tag=tag)
        self.drawn = 0

    def __call__(self) -> Key[Array, ""]:
        key = jax.random.fold_in(self.key[...], self.drawn)
        self.drawn += 1
        return key


class RandomNumbers(nnx.Rngs):
    """For a network's layers; the same keys as `nnx.Rngs(seed)` gives."""

    def __init__(self, seed: int | Key[Array, ""]):
        super().__init__(seed)
        self.default = Counted(seed, tag="default")
