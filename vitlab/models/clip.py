"""CLIP (Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision").

Two towers describe images and texts in one space. The image towers are backbones like any other: a
head on top makes a classifier of them. The text tower stands beside.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float, Int

from vitlab.models.classifier import (
    Backbone,
    Embedding,
    Images,
    Scheme,
    few_enough,
    normalise,
    patch_count,
)
from vitlab.models.layers import (
    MLP_ACTIVATIONS,
    ActivationName,
    Linear,
    PatchEmbedding,
    SelfAttention,
    Tokens,
    TransformerBlock,
    layer_norm,
    with_class_token,
)

Texts = Int[Array, "texts length"]
TextEmbedding = Float[Array, "texts embedding"]

EPSILON = 1e-5  # of every LayerNorm
VOCABULARY = 49_408
CONTEXT = 77  # tokens of the longest text, its start and end counted


class CLIPVisionTransformer(Backbone):
    """A ViT that normalises its tokens before the first block, and projects the class token.

    `features` gives the tokens before the last block, and `pool` does the rest.

    Args:
        embedding_width: of the space that images and texts share.
        activation: OpenAI trained with "quick_gelu"; most weights of open_clip want "gelu". No tensor
            tells which: the layout or the catalogue says it.
    """

    halved = True

    def __init__(
        self,
        *,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        embedding_width: int,
        input_size: int = 224,
        activation: ActivationName = "quick_gelu",
        scheme: Scheme = "clip",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        few_enough(depth, "blocks")
        positions = patch_count(input_size, patch) + 1
        self.input_size = input_size
        self.embedding_width = embedding_width
        self.scheme = scheme
        self.dtype = dtype
        normal = nnx.initializers.normal(width**-0.5)
        self.patches = PatchEmbedding(patch, width, bias=False, dtype=dtype, rngs=rngs)
        self.class_token = nnx.Param(normal(rngs.params(), (1, 1, width)))
        self.positions = nnx.Param(normal(rngs.params(), (1, positions, width)))
        self.first_norm = layer_norm(width, EPSILON, rngs)
        self.blocks = _blocks(width, depth, heads, activation, dtype=dtype, rngs=rngs)
        self.norm = layer_norm(width, EPSILON, rngs)
        self.projection = _projection(width, embedding_width, rngs)

    def features(self, images: Images) -> Tokens:
        tokens = self.patches(normalise(images, self.scheme, self.dtype))
        tokens = with_class_token(self.class_token[...], tokens)
        tokens = tokens + self.positions[...].astype(self.dtype)
        tokens = self.first_norm(tokens).astype(self.dtype)
        for block in self.blocks[:-1]:
            tokens = block(tokens)
        return tokens

    def pool(self, features: Tokens) -> Embedding:
        return self.projection(self.norm(self.blocks[-1](features, queries=1)[:, 0]))


class CLIPText(nnx.Module):
    """Describes texts: a causal transformer, read at the token that ends the text.

    `scale` is the logarithm of what cosines are multiplied by (section 2.3 of the paper).
    """

    def __init__(
        self,
        *,
        width: int,
        depth: int,
        heads: int,
        embedding_width: int,
        activation: ActivationName = "quick_gelu",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        few_enough(depth, "blocks")
        self.dtype = dtype
        normal = nnx.initializers.normal
        self.words = nnx.Param(normal(0.02)(rngs.params(), (VOCABULARY, width)))
        self.positions = nnx.Param(normal(0.01)(rngs.params(), (CONTEXT, width)))
        causal = partial(SelfAttention, causal=True)
        self.blocks = _blocks(width, depth, heads, activation, attention=causal, dtype=dtype, rngs=rngs)
        self.norm = layer_norm(width, EPSILON, rngs)
        self.projection = _projection(width, embedding_width, rngs)
        self.scale = nnx.Param(jnp.log(jnp.array(1 / 0.07)))

    def __call__(self, texts: Texts) -> TextEmbedding:
        """Embeddings of rows of token numbers, each at most 77 long and filled up behind its end.

        The token that ends a text has the highest number of all, so it is where the row is highest.
        """
        tokens = self.words[...][texts] + self.positions[: texts.shape[1]]
        tokens = tokens.astype(self.dtype)
        for block in self.blocks:
            tokens = block(tokens)
        ends = jnp.take_along_axis(tokens, texts.argmax(axis=1)[:, None, None], axis=1)[:, 0]
        return self.projection(self.norm(ends))


def similarity(
    images: Embedding, texts: TextEmbedding, scale: Float[Array, ""]
) -> Float[Array, "batch texts"]:
    """Logits of each image over the texts: cosines, times e to the `scale`."""
    images, texts = (
        vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True) for vectors in (images, texts)
    )
    return jnp.exp(scale) * images @ texts.T


def _blocks(
    width: int,
    depth: int,
    heads: int,
    activation: ActivationName,
    *,
    attention: Callable[..., SelfAttention] = SelfAttention,
    dtype: Dtype,
    rngs: nnx.Rngs,
) -> nnx.List:
    return nnx.List(
        TransformerBlock(
            width,
            heads,
            4 * width,
            epsilon=EPSILON,
            activation=MLP_ACTIVATIONS[activation],
            attention=attention,
            dtype=dtype,
            rngs=rngs,
        )
        for _ in range(depth)
    )


def _projection(width: int, embedding_width: int, rngs: nnx.Rngs) -> Linear:
    normal = nnx.initializers.normal(width**-0.5)
    return Linear(width, embedding_width, bias=False, kernel_init=normal, rngs=rngs)
