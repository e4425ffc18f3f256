"""Multi-head self-attention (Vaswani et al. 2017) over a sequence of tokens."""

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float

Tokens = Float[Array, "batch tokens channels"]
Questions = Float[Array, "batch questions channels"]
Heads = Float[Array, "batch tokens_of_it heads head_width"]


class SelfAttention(nnx.Module):
    """Each token asks (query) all tokens (key) and receives the mean of their values, per head.

    A `causal` one asks only itself and the tokens before it.
    """

    def __init__(self, width: int, heads: int, *, causal: bool = False, dtype: Dtype, rngs: nnx.Rngs):
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.heads = heads
        self.causal = causal
        self.query = self._projection(width, dtype, rngs)
        self.key = self._projection(width, dtype, rngs)
        self.value = self._projection(width, dtype, rngs)
        self.out = self._projection(width, dtype, rngs)

    def __call__(self, tokens: Tokens) -> Tokens:
        query, key, value = (project(tokens) for project in (self.query, self.key, self.value))
        return self.out(attend(query, key, value, heads=self.heads, causal=self.causal))

    @staticmethod
    def _projection(width: int, dtype: Dtype, rngs: nnx.Rngs) -> nnx.Linear:
        xavier = nnx.initializers.xavier_uniform()
        return nnx.Linear(width, width, kernel_init=xavier, dtype=dtype, rngs=rngs)


def attend(
    query: Questions,
    key: Tokens,
    value: Tokens,
    *,
    heads: int,
    scale: float | None = None,
    causal: bool = False,
) -> Questions:
    """What each question receives: the mean of the values, weighed by how well its keys answer.

    Channels are cut into `heads`; scores are multiplied by `scale`, which is one over the root of a
    head's width unless told otherwise; softmax is in float32.
    """
    if scale is None:
        scale = (query.shape[-1] // heads) ** -0.5

    def split(tokens: Tokens) -> Heads:
        return tokens.reshape(*tokens.shape[:2], heads, -1)

    scores = jnp.einsum("bqhd,bkhd->bhqk", split(query) * scale, split(key)).astype(jnp.float32)
    if causal:
        scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -jnp.inf)
    weights = jax.nn.softmax(scores).astype(value.dtype)
    return jnp.einsum("bhqk,bkhd->bqhd", weights, split(value)).reshape(query.shape)
