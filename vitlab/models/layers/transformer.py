"""What transformers are made of, whatever their tokens stand for."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float

from vitlab.models.layers.activations import Activation, gelu
from vitlab.models.layers.attention import SelfAttention
from vitlab.models.layers.product import Linear
from vitlab.models.layers.repeated import repeated
from vitlab.models.layers.shapes import Queries, Tokens


class TransformerBlock(nnx.Module):
    """Attention, then an MLP; each reads a normalised copy and adds to what it read.

    Args:
        epsilon: of both LayerNorms.
        attention: what is built from width, heads and dtype to let the tokens look at each other; it
            takes `queries`, as `SelfAttention` does.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_width: int,
        *,
        epsilon: float,
        activation: Activation = gelu,
        attention: Callable[..., nnx.Module] = SelfAttention,
        dtype: Dtype,
        rngs: nnx.Rngs,
    ):
        self.attention_norm = layer_norm(width, epsilon, rngs)
        self.attention = attention(width, heads, dtype=dtype, rngs=rngs)
        self.mlp_norm = layer_norm(width, epsilon, rngs)
        self.mlp = MLP(width, mlp_width, activation=activation, dtype=dtype, rngs=rngs)

    @repeated
    def __call__(self, tokens: Tokens, *grid: tuple[int, ...], queries: int | None = None) -> Queries:
        """`grid` is for an attention that has to know how the tokens lie, as CvT's.

        Only the first `queries` tokens come out (all, unless told), each as it would among all. Where
        only the class token is read after the last block, that spares most of the block's work.
        """
        dtype = tokens.dtype
        received = self.attention(self.attention_norm(tokens).astype(dtype), *grid, queries=queries)
        tokens = tokens[:, :queries] + received
        return tokens + self.mlp(self.mlp_norm(tokens).astype(dtype))


class MLP(nnx.Module):
    """Widen, activate, narrow."""

    def __init__(self, width: int, hidden: int, *, activation: Activation, dtype: Dtype, rngs: nnx.Rngs):
        self.widen = Linear(width, hidden, dtype=dtype, rngs=rngs)
        self.narrow = Linear(hidden, width, dtype=dtype, rngs=rngs)
        self.activation = activation

    def __call__(self, tokens: Tokens) -> Tokens:
        return self.narrow(self.activation(self.widen(tokens)))


class PatchEmbedding(nnx.Module):
    """Each patch, flattened, through one linear map: a convolution whose stride is its kernel."""

    def __init__(self, patch: int, width: int, *, bias: bool = True, dtype: Dtype, rngs: nnx.Rngs):
        self.patch = patch
        lecun = nnx.initializers.lecun_normal()
        self.projection = Linear(
            patch * patch * 3, width, bias=bias, kernel_init=lecun, dtype=dtype, rngs=rngs
        )

    def __call__(self, images: Float[Array, "batch height width 3"]) -> Tokens:
        batch, height, width, channels = images.shape
        rows, columns = height // self.patch, width // self.patch
        grid = images.reshape(batch, rows, self.patch, columns, self.patch, channels)
        return self.projection(grid.transpose(0, 1, 3, 2, 4, 5).reshape(batch, rows * columns, -1))


def with_class_token(
    class_token: Float[Array, "1 1 channels"], tokens: Tokens
) -> Float[Array, "batch 1+tokens channels"]:
    """The class token in front of each image's tokens."""
    first = jnp.broadcast_to(class_token.astype(tokens.dtype), (len(tokens), 1, tokens.shape[-1]))
    return jnp.concatenate([first, tokens], axis=1)


def layer_norm(width: int, epsilon: float, rngs: nnx.Rngs) -> nnx.LayerNorm:
    """LayerNorm in float32, whatever the tokens come in."""
    return nnx.LayerNorm(width, epsilon=epsilon, dtype=jnp.float32, rngs=rngs)
