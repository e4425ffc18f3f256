"""Dropout (Srivastava et al. 2014), whose randomness is handed in by whoever trains."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

Values = Float[Array, "batch *shape"]


class Dropout(nnx.Module):
    """While training, sets each value to 0 with probability `rate` and scales up the others.

    It does so once `give_keys` has given it a key, and until then nothing: a network that answers
    has none.
    """

    def __init__(self, rate: float):
        if not 0 <= rate < 1:
            raise ValueError(f"dropout {rate} is not in [0, 1)")
        self.rate = rate
        self.key: Key[Array, ""] | None = nnx.data(None)

    def __call__(self, values: Values) -> Values:
        if self.key is None or self.rate == 0:
            return values
        kept = jax.random.bernoulli(self.key, 1 - self.rate, values.shape)
        return jnp.where(kept, values / (1 - self.rate), 0)


def give_keys(module: nnx.Module, key: Key[Array, ""]) -> None:
    """Switches on every dropout in `module`, each with a key of its own."""
    layers = (part for _, part in nnx.iter_modules(module) if isinstance(part, Dropout))
    for index, layer in enumerate(layers):
        layer.key = jax.random.fold_in(key, index)
