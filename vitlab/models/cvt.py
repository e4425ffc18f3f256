"""CvT (Wu et al. 2021, "CvT: Introducing Convolutions to Vision Transformers")."""

import math

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float

from vitlab.models.classifier import (
    Backbone,
    Embedding,
    Images,
    Scheme,
    few_enough,
    large_enough,
    normalise,
)
from vitlab.models.layers import (
    MLP_ACTIVATIONS,
    Activation,
    ActivationName,
    ConvNorm,
    Convolution,
    Linear,
    Maps,
    NewMaps,
    Queries,
    Tokens,
    TransformerBlock,
    attend,
    layer_norm,
    with_class_token,
)

NewTokens = Float[Array, "batch tokens out_channels"]
Grid = tuple[int, ...]  # rows and columns of the tokens

# Of each stage's convolutional token embedding: kernel, stride, padding (table 2; the paddings are
# those of the authors' configs).
EMBEDDINGS = ((7, 4, 2), (3, 2, 1), (3, 2, 1))
SMALLEST = 3  # pixels per side that leave one position at the end
MLP_RATIO = 4
EPSILON = 1e-5  # of every LayerNorm, as PyTorch has it


class CvT(Backbone):
    """Three stages of transformer blocks on ever fewer, wider tokens; convolutions tell them where
    they are, so there are no position embeddings.

    A class token joins in the last stage. `features` gives the tokens before that stage's last
    block, the class token first, and `pool` runs the block. Images must be square: the grid of the
    tokens is then known from their number.

    Args:
        depths, widths, heads: blocks, channels and attention heads of each stage.
        activation: of the MLPs: "gelu" (Hugging Face), or "quick_gelu", with which the authors
            trained.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, int, int],
        widths: tuple[int, int, int],
        heads: tuple[int, int, int],
        input_size: int = 224,
        activation: ActivationName = "gelu",
        scheme: Scheme = "imagenet",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        few_enough(sum(depths), "blocks")
        self.input_size = large_enough(input_size, SMALLEST)
        self.scheme = scheme
        self.dtype = dtype
        self.embedding_width = widths[-1]
        self.stages = nnx.List(
            kind(
                channels,
                width,
                depth=depth,
                heads=stage_heads,
                embedding=embedding,
                activation=MLP_ACTIVATIONS[activation],
                dtype=dtype,
                rngs=rngs,
            )
            for kind, channels, width, depth, stage_heads, embedding in zip(
                (MapStage, MapStage, LastStage),
                (3, *widths[:-1]),
                widths,
                depths,
                heads,
                EMBEDDINGS,
                strict=True,
            )
        )
        self.class_token = nnx.Param(nnx.initializers.normal(0.02)(rngs.params(), (1, 1, widths[-1])))
        self.norm = layer_norm(widths[-1], EPSILON, rngs)

    def features(self, images: Images) -> Tokens:
        height, width = images.shape[1:3]
        if height != width:
            raise ValueError(f"CvT needs square images, not {height} x {width} pixels")
        maps = normalise(images, self.scheme, self.dtype)
        for stage in self.stages[:-1]:
            maps = stage(maps)
        return self.stages[-1](maps, self.class_token[...])

    def pool(self, features: Tokens) -> Embedding:
        side = math.isqrt(features.shape[1] - 1)
        tokens = self.stages[-1].blocks[-1](features, (side, side), queries=1)
        return self.norm(tokens[:, 0])


class Stage(nnx.Module):
    """A convolution to fewer positions, whose outputs are the tokens, and transformer blocks."""

    def __init__(
        self,
        in_channels: int,
        width: int,
        *,
        depth: int,
        heads: int,
        embedding: tuple[int, int, int],
        activation: Activation,
        dtype: Dtype,
        rngs: nnx.Rngs,
    ):
        kernel, stride, padding = embedding
        self.projection = Convolution(
            in_channels, width, kernel=kernel, stride=stride, padding=padding, bias=True, rngs=rngs
        )
        self.norm = layer_norm(width, EPSILON, rngs)
        self.blocks = nnx.List(
            TransformerBlock(
                width,
                heads,
                MLP_RATIO * width,
                epsilon=EPSILON,
                activation=activation,
                attention=ConvolutionalAttention,
                dtype=dtype,
                rngs=rngs,
            )
            for _ in range(depth)
        )

    def embed(self, maps: Maps) -> NewMaps:
        return self.norm(self.projection(maps)).astype(maps.dtype)


class MapStage(Stage):
    """Maps in, maps out."""

    def __call__(self, maps: Maps) -> NewMaps:
        maps = self.embed(maps)
        tokens = _flat(maps)
        for block in self.blocks:
            tokens = block(tokens, maps.shape[1:3])
        return tokens.reshape(maps.shape)


class LastStage(Stage):
    """Puts the class token in front, and stops before its last block, which `CvT.pool` runs."""

    def __call__(self, maps: Maps, class_token: Float[Array, "1 1 out_channels"]) -> NewTokens:
        maps = self.embed(maps)
        tokens = with_class_token(class_token, _flat(maps))
        for block in self.blocks[:-1]:
            tokens = block(tokens, maps.shape[1:3])
        return tokens


class ConvolutionalAttention(nnx.Module):
    """Self-attention whose queries, keys and values see their neighbours first (section 3.3).

    Keys and values are taken at every second row and column. A class token, in front of the grid's
    tokens, passes by the convolutions. Only the first `queries` tokens have a query (all, unless told).
    The authors scale the scores by the whole width, where Vaswani et al. have a head's.
    """

    def __init__(self, width: int, heads: int, *, dtype: Dtype, rngs: nnx.Rngs):
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.heads = heads

        def neighbourhood(stride: int) -> ConvNorm:
            return ConvNorm(
                width,
                width,
                kernel=3,
                stride=stride,
                groups=width,
                padding="symmetric",
                activation=None,
                rngs=rngs,
            )

        def projection() -> Linear:
            return Linear(width, width, dtype=dtype, rngs=rngs)

        self.query_filter, self.query = neighbourhood(stride=1), projection()
        self.key_filter, self.key = neighbourhood(stride=2), projection()
        self.value_filter, self.value = neighbourhood(stride=2), projection()
        self.out = projection()

    def __call__(self, tokens: Tokens, grid: Grid, *, queries: int | None = None) -> Queries:
        batch, count, width = tokens.shape
        outside = count - math.prod(grid)
        class_token, maps = tokens[:, :outside], tokens[:, outside:].reshape(batch, *grid, width)

        def filtered(layer: ConvNorm) -> Array:
            return jnp.concatenate([class_token, _flat(layer(maps))], axis=1)

        query = self.query(filtered(self.query_filter)[:, :queries])
        key = self.key(filtered(self.key_filter))
        value = self.value(filtered(self.value_filter))
        return self.out(attend(query, key, value, heads=self.heads, scale=width**-0.5))


def _flat(maps: Maps) -> Tokens:
    return maps.reshape(len(maps), -1, maps.shape[-1])
