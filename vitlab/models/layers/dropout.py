"""Dropout (Srivastava et al. 2014), whose randomness is handed in by whoever trains."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Key

Values = Float[Array, "batch *shape"]


class Dropout(nnx.Module):
    """While training, sets each value to 0 with probability `rate` and scales up the others.

    It does so once `give_keys` has given it a key, and until then nothing: a network that answers
    has none. Each unit of the last axis draws with a key of its own, so that what becomes of it does not
    depend on how many others there are.
    """

    def __init__(self, rate: float):
        if not 0 <= rate < 1:
            raise ValueError(f"dropout {rate} is not in [0, 1)")
        self.rate = rate
        self.key: Key[Array, ""] | None = nnx.data(None)

    def __call__(self, values: Values) -> Values:
        if self.key is None or self.rate == 0:
            return values
        return jnp.where(kept_units(self.key, self.rate, values.shape), values / (1 - self.rate), 0)


def kept_units(
    key: Key[Array, ""], rate: float | Array, shape: tuple[int, ...]
) -> Bool[Array, "batch *shape"]:
    """Which values of an array of this shape dropout leaves."""

    def of_unit(unit: Array) -> Array:
        return jax.random.bernoulli(jax.random.fold_in(key, unit), 1 - rate, shape[:-1])

    return jax.vmap(of_unit, out_axes=-1)(jnp.arange(shape[-1]))


def give_keys(module: nnx.Module, key: Key[Array, ""]) -> None:
    """Switches on every dropout in `module`, each with a key of its own."""
    layers = (part for _, part in nnx.iter_modules(module) if isinstance(part, Dropout))
    for index, layer in enumerate(layers):
        layer.key = jax.random.fold_in(key, index)
