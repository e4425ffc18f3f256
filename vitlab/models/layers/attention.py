"""Multi-head self-attention (Vaswani et al. 2017) over a sequence of tokens."""

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float

Tokens = Float[Array, "batch tokens channels"]


class SelfAttention(nnx.Module):
    """Each token asks (query) all tokens (key) and receives the mean of their values, per head."""

    def __init__(self, width: int, heads: int, *, dtype: Dtype, rngs: nnx.Rngs):
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.heads = heads
        self.query = self._projection(width, dtype, rngs)
        self.key = self._projection(width, dtype, rngs)
        self.value = self._projection(width, dtype, rngs)
        self.out = self._projection(width, dtype, rngs)

    def __call__(self, tokens: Tokens) -> Tokens:
        query, key, value = (self._split(f(tokens)) for f in (self.query, self.key, self.value))
        scores = jnp.einsum("bqhd,bkhd->bhqk", query * query.shape[-1] ** -0.5, key)
        weights = jax.nn.softmax(scores.astype(jnp.float32)).astype(tokens.dtype)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, value)
        return self.out(mixed.reshape(tokens.shape))

    def _split(self, tokens: Tokens) -> Float[Array, "batch tokens heads head_width"]:
        return tokens.reshape(*tokens.shape[:2], self.heads, -1)

    @staticmethod
    def _projection(width: int, dtype: Dtype, rngs: nnx.Rngs) -> nnx.Linear:
        xavier = nnx.initializers.xavier_uniform()
        return nnx.Linear(width, width, kernel_init=xavier, dtype=dtype, rngs=rngs)
