"""Multi-head self-attention (Vaswani et al. 2017) over a sequence of tokens."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float

from vitlab.models.layers.backend import prefers_reformulation
from vitlab.models.layers.product import Linear
from vitlab.models.layers.shapes import Queries, Tokens

HeadQueries = Float[Array, "batch heads queries head_width"]
HeadTokens = Float[Array, "batch heads tokens head_width"]
Scores = Float[Array, "batch heads queries tokens"]
Shares = Float[Array, "batch heads queries 1"]
# Query, key, value, the exponentials, one over their sums, and what was mixed by them.
Residuals = tuple[HeadQueries, HeadTokens, HeadTokens, Scores, Shares, HeadQueries]


class SelfAttention(nnx.Module):
    """Each token's query meets the keys of all tokens and receives the mean of their values, per head.

    A `causal` one meets only itself and the tokens before it. Only the first `queries` tokens have a
    query (all, unless told).
    """

    def __init__(self, width: int, heads: int, *, causal: bool = False, dtype: Dtype, rngs: nnx.Rngs):
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.heads = heads
        self.causal = causal
        self.query, self.key, self.value, self.out = (
            Linear(width, width, dtype=dtype, rngs=rngs) for _ in range(4)
        )

    def __call__(self, tokens: Tokens, *, queries: int | None = None) -> Queries:
        query, key, value = self.query(tokens[:, :queries]), self.key(tokens), self.value(tokens)
        return self.out(attend(query, key, value, heads=self.heads, causal=self.causal))


def attend(
    query: Queries,
    key: Tokens,
    value: Tokens,
    *,
    heads: int,
    scale: float | None = None,
    causal: bool = False,
) -> Queries:
    """What each query receives: the mean of the values, weighed by how well their keys match it.

    Channels are cut into `heads`; scores are multiplied by `scale`, which is one over the root of a
    head's width unless told otherwise; softmax is in float32.
    """
    if scale is None:
        scale = (query.shape[-1] // heads) ** -0.5

    def split(tokens: Array) -> Float[Array, "batch heads tokens_of_it head_width"]:
        return tokens.reshape(*tokens.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    formulation = weigh_late if prefers_reformulation() else weigh_reference
    mixed = formulation(split(query * scale), split(key), split(value), causal)
    return mixed.transpose(0, 2, 1, 3).reshape(query.shape)


def weigh_reference(query: HeadQueries, key: HeadTokens, value: HeadTokens, causal: bool) -> HeadQueries:
    """Attention as the paper writes it; the other formulation equals this one."""
    weights = jax.nn.softmax(_scores(query, key, causal)).astype(value.dtype)
    return weights @ value


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def weigh_late(query: HeadQueries, key: HeadTokens, value: HeadTokens, causal: bool) -> HeadQueries:
    """Weighs by the exponentials, and divides by their sum after the product with the values.

    The sums divide a head's width of numbers instead of a number per token; XLA's CPU backend then
    reads and writes the scores once less in each direction.
    """
    mixed, _ = _weigh_late_forward(query, key, value, causal)
    return mixed


def _weigh_late_forward(
    query: HeadQueries, key: HeadTokens, value: HeadTokens, causal: bool
) -> tuple[HeadQueries, Residuals]:
    scores = _scores(query, key, causal)
    exponentials = jnp.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = 1 / exponentials.sum(axis=-1, keepdims=True)
    exponentials = exponentials.astype(value.dtype)
    mixed = ((exponentials @ value) * shares).astype(value.dtype)
    return mixed, (query, key, value, exponentials, shares, mixed)


def _weigh_late_backward(
    causal: bool, residuals: Residuals, gradient: HeadQueries
) -> tuple[HeadQueries, HeadTokens, HeadTokens]:
    del causal  # exponentials of what is masked are zero, and so is all that they multiply
    query, key, value, exponentials, shares, mixed = residuals
    shared = (gradient * shares).astype(value.dtype)
    by_value = exponentials.mT @ shared
    common = (shared * mixed).sum(axis=-1, keepdims=True)
    by_scores = exponentials * (shared @ value.mT - common)
    return by_scores @ key, by_scores.mT @ query, by_value


weigh_late.defvjp(_weigh_late_forward, _weigh_late_backward)


def _scores(query: HeadQueries, key: HeadTokens, causal: bool) -> Scores:
    scores = (query @ key.mT).astype(jnp.float32)
    if causal:
        scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -jnp.inf)
    return scores
