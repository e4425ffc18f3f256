"""Vision Transformer (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words")."""

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float

from vitlab.models.classifier import Backbone, Embedding, Images, Scheme, normalise
from vitlab.models.layers import Activation, Linear, SelfAttention

Tokens = Float[Array, "batch tokens channels"]


def gelu(values: Tokens) -> Tokens:
    """Exact, as published; `jax.nn.gelu` approximates by tanh unless told otherwise."""
    return jax.nn.gelu(values, approximate=False)


def quick_gelu(values: Tokens) -> Tokens:
    """GELU's approximation by a sigmoid; the results differ in the second decimal."""
    return values * jax.nn.sigmoid(1.702 * values)


# Of an MLP: OpenAI and the authors of CvT trained with the approximation.
ActivationName = Literal["quick_gelu", "gelu"]
ACTIVATIONS: dict[ActivationName, Activation] = {"quick_gelu": quick_gelu, "gelu": gelu}


class VisionTransformer(Backbone):
    """Cuts an image into patches and lets them look at each other, `depth` times.

    `features` gives the tokens before the last block, and `pool` runs that block: what an
    explanation differentiates then still decides the answer.

    Args:
        input_size: pixels per side, a multiple of `patch`.
        pooling: embed the image as its "class_token", or as the "average" of its patches (then
            there is no class token).
        norm: what the last LayerNorm reads: the "tokens", before they are pooled, or the "embedding"
            (timm's `fc_norm`, where it averages).
        pre_logits: a dense layer with tanh before the head (section 3.1 of the paper), which
            Google's first ImageNet-21k weights have. Their own head needs it; a new one does better
            without.
        epsilon: of every LayerNorm; the default is Flax's, with which Google trained.
    """

    def __init__(
        self,
        *,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        mlp_width: int,
        input_size: int = 224,
        pooling: Literal["class_token", "average"] = "class_token",
        norm: Literal["tokens", "embedding"] = "tokens",
        pre_logits: bool = False,
        scheme: Scheme = "symmetric",
        epsilon: float = 1e-6,
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        if input_size % patch:
            raise ValueError(f"input size {input_size} is not a multiple of the patch, {patch}")
        self.input_size = input_size
        self.dtype = dtype
        self.scheme = scheme
        self.pooling = pooling
        self.normalised = norm
        self.embedding_width = width
        positions = (input_size // patch) ** 2 + (pooling == "class_token")
        normal = nnx.initializers.normal(0.02)
        self.patches = PatchEmbedding(patch, width, dtype=dtype, rngs=rngs)
        if pooling == "class_token":
            self.class_token = nnx.Param(jnp.zeros((1, 1, width)))
        self.positions = nnx.Param(normal(rngs.params(), (1, positions, width)))
        self.blocks = nnx.List(
            Block(width, heads, mlp_width, epsilon=epsilon, dtype=dtype, rngs=rngs) for _ in range(depth)
        )
        self.norm = layer_norm(width, epsilon, rngs)
        xavier = nnx.initializers.xavier_uniform()
        self.pre_logits = (
            Linear(width, width, kernel_init=xavier, dtype=jnp.float32, rngs=rngs)
            if pre_logits
            else None
        )

    def features(self, images: Images) -> Tokens:
        tokens = self.patches(normalise(images, self.scheme, self.dtype))
        if self.pooling == "class_token":
            class_token = self.class_token[...].astype(self.dtype)
            first = jnp.broadcast_to(class_token, (len(tokens), 1, tokens.shape[-1]))
            tokens = jnp.concatenate([first, tokens], axis=1)
        tokens = tokens + self.positions[...].astype(self.dtype)
        for block in self.blocks[:-1]:
            tokens = block(tokens)
        return tokens

    def pool(self, features: Tokens) -> Embedding:
        tokens = self.blocks[-1](features)
        tokens = self.norm(tokens) if self.normalised == "tokens" else tokens.astype(jnp.float32)
        embedding = tokens[:, 0] if self.pooling == "class_token" else tokens.mean(axis=1)
        embedding = self.norm(embedding) if self.normalised == "embedding" else embedding
        return jnp.tanh(self.pre_logits(embedding)) if self.pre_logits else embedding


class PatchEmbedding(nnx.Module):
    """Each patch, flattened, through one linear map: a convolution whose stride is its kernel."""

    def __init__(self, patch: int, width: int, *, bias: bool = True, dtype: Dtype, rngs: nnx.Rngs):
        self.patch = patch
        self.projection = Linear(patch * patch * 3, width, use_bias=bias, dtype=dtype, rngs=rngs)

    def __call__(self, images: Float[Array, "batch height width 3"]) -> Tokens:
        batch, height, width, channels = images.shape
        rows, columns = height // self.patch, width // self.patch
        grid = images.reshape(batch, rows, self.patch, columns, self.patch, channels)
        return self.projection(grid.transpose(0, 1, 3, 2, 4, 5).reshape(batch, rows * columns, -1))


class Block(nnx.Module):
    """Attention, then an MLP; each reads a normalised copy and adds to what it read."""

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_width: int,
        *,
        epsilon: float,
        activation: Activation = gelu,
        causal: bool = False,
        dtype: Dtype,
        rngs: nnx.Rngs,
    ):
        self.attention_norm = layer_norm(width, epsilon, rngs)
        self.attention = SelfAttention(width, heads, causal=causal, dtype=dtype, rngs=rngs)
        self.mlp_norm = layer_norm(width, epsilon, rngs)
        self.mlp = MLP(width, mlp_width, activation=activation, dtype=dtype, rngs=rngs)

    def __call__(self, tokens: Tokens) -> Tokens:
        dtype = tokens.dtype
        tokens = tokens + self.attention(self.attention_norm(tokens).astype(dtype))
        return tokens + self.mlp(self.mlp_norm(tokens).astype(dtype))


class MLP(nnx.Module):
    """Widen, activate, narrow."""

    def __init__(self, width: int, hidden: int, *, activation: Activation, dtype: Dtype, rngs: nnx.Rngs):
        xavier = nnx.initializers.xavier_uniform()
        self.widen = Linear(width, hidden, kernel_init=xavier, dtype=dtype, rngs=rngs)
        self.narrow = Linear(hidden, width, kernel_init=xavier, dtype=dtype, rngs=rngs)
        self.activation = activation

    def __call__(self, tokens: Tokens) -> Tokens:
        return self.narrow(self.activation(self.widen(tokens)))


def layer_norm(width: int, epsilon: float, rngs: nnx.Rngs) -> nnx.LayerNorm:
    """LayerNorm in float32, whatever the tokens come in."""
    return nnx.LayerNorm(width, epsilon=epsilon, dtype=jnp.float32, rngs=rngs)
