"""Vision Transformer (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words")."""

from typing import Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

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
    Linear,
    PatchEmbedding,
    Tokens,
    TransformerBlock,
    layer_norm,
    with_class_token,
)


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
            Google's first ImageNet-21k weights have, for their head, and bring along, and Hugging
            Face's poolers are, which come if asked for. A new head does better without.
        epsilon: of every LayerNorm; the default is Flax's, with which Google trained.
    """

    halved = True

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
        few_enough(depth, "blocks")
        positions = patch_count(input_size, patch) + (pooling == "class_token")
        self.input_size = input_size
        self.dtype = dtype
        self.scheme = scheme
        self.pooling = pooling
        self.normalised = norm
        self.embedding_width = width
        normal = nnx.initializers.normal(0.02)
        self.patches = PatchEmbedding(patch, width, dtype=dtype, rngs=rngs)
        if pooling == "class_token":
            self.class_token = nnx.Param(jnp.zeros((1, 1, width)))
        self.positions = nnx.Param(normal(rngs.params(), (1, positions, width)))
        self.blocks = nnx.List(
            TransformerBlock(width, heads, mlp_width, epsilon=epsilon, dtype=dtype, rngs=rngs)
            for _ in range(depth)
        )
        self.norm = layer_norm(width, epsilon, rngs)
        self.pre_logits = Linear(width, width, dtype=jnp.float32, rngs=rngs) if pre_logits else None

    def features(self, images: Images) -> Tokens:
        tokens = self.patches(normalise(images, self.scheme, self.dtype))
        if self.pooling == "class_token":
            tokens = with_class_token(self.class_token[...], tokens)
        tokens = tokens + self.positions[...].astype(self.dtype)
        for block in self.blocks[:-1]:
            tokens = block(tokens)
        return tokens

    def pool(self, features: Tokens) -> Embedding:
        tokens = self.blocks[-1](features, queries=1 if self.pooling == "class_token" else None)
        tokens = self.norm(tokens) if self.normalised == "tokens" else tokens.astype(jnp.float32)
        embedding = tokens[:, 0] if self.pooling == "class_token" else tokens.mean(axis=1)
        embedding = self.norm(embedding) if self.normalised == "embedding" else embedding
        return jnp.tanh(self.pre_logits(embedding)) if self.pre_logits else embedding
