"""MobileViT (Mehta and Rastegari 2022, "MobileViT: Light-weight, General-purpose, and
Mobile-friendly Vision Transformer")."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float

from vitlab.models.classifier import Backbone, Images, Scheme, normalise
from vitlab.models.layers import ConvNorm, Convolution, Maps, NewMaps, TransformerBlock, layer_norm
from vitlab.models.mobilenet_v2 import InvertedResidual

Tokens = Float[Array, "groups tokens channels"]

STEM_CHANNELS = 16
RESIDUALS = (1, 3, 1, 1, 1)  # inverted residuals per stage (table 4 of the paper)
STRIDES = (1, 2, 2, 2, 2)
TRANSFORMER_DEPTHS = (2, 4, 3)  # of the last three stages
HEADS = 4
MLP_RATIO = 2
PATCH = 2  # rows and columns
EPSILON = 1e-5  # of every LayerNorm, as PyTorch has it


class MobileViT(Backbone):
    """Inverted residuals, and in the last three stages transformers between convolutions.

    Args:
        channels: of the maps of the five stages.
        widths: of the tokens in the last three.
        last_channels: of the last maps, which are averaged.
        expansion: of the inverted residuals.
    """

    def __init__(
        self,
        *,
        channels: tuple[int, int, int, int, int],
        widths: tuple[int, int, int],
        last_channels: int,
        expansion: int,
        input_size: int = 256,
        scheme: Scheme = "unit",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self.input_size = input_size
        self.scheme = scheme
        self.dtype = dtype
        self.embedding_width = last_channels

        layer = partial(ConvNorm, activation=jax.nn.silu, padding="symmetric", rngs=rngs)
        self.stem = layer(3, STEM_CHANNELS, kernel=3, stride=2)
        width, stages = STEM_CHANNELS, []
        transformers = (None, None, *zip(widths, TRANSFORMER_DEPTHS, strict=True))
        for out, count, stride, transformer in zip(
            channels, RESIDUALS, STRIDES, transformers, strict=True
        ):
            units: list[nnx.Module] = []
            for index in range(count):
                units.append(
                    InvertedResidual(
                        width,
                        out,
                        hidden=expansion * width,
                        expand=True,
                        stride=1 if index else stride,
                        layer=layer,
                    )
                )
                width = out
            if transformer:
                units.append(MobileViTBlock(out, *transformer, layer=layer, dtype=dtype, rngs=rngs))
            stages.append(nnx.List(units))
        self.stages = nnx.List(stages)
        self.last = layer(width, last_channels, kernel=1)

    def features(self, images: Images) -> NewMaps:
        maps = self.stem(normalise(images, self.scheme, self.dtype))
        for stage in self.stages:
            for unit in stage:
                maps = unit(maps)
        return self.last(maps)


class MobileViTBlock(nnx.Module):
    """Local features by a convolution, global ones by a transformer, and both fused (figure 1b).

    Maps are cut into patches of 2 x 2, and a position attends to those that lie at the same place
    of the other patches. The convolutions have told it about its neighbours.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        depth: int,
        *,
        layer: Callable[..., ConvNorm],
        dtype: Dtype,
        rngs: nnx.Rngs,
    ):
        self.local = layer(channels, channels, kernel=3)
        self.enter = Convolution(channels, width, kernel=1, padding="valid", rngs=rngs)
        self.blocks = nnx.List(
            TransformerBlock(
                width,
                HEADS,
                MLP_RATIO * width,
                epsilon=EPSILON,
                activation=jax.nn.silu,
                dtype=dtype,
                rngs=rngs,
            )
            for _ in range(depth)
        )
        self.norm = layer_norm(width, EPSILON, rngs)
        self.leave = layer(width, channels, kernel=1)
        self.fuse = layer(2 * channels, channels, kernel=3)

    def __call__(self, maps: Maps) -> Maps:
        inner = self.enter(self.local(maps))
        # Maps of an odd size are stretched to whole patches and shrunk again, as published.
        height, width = inner.shape[1:3]
        rows, columns = -(-height // PATCH), -(-width // PATCH)
        tokens = _unfold(_resized(inner, rows * PATCH, columns * PATCH))
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens).astype(inner.dtype)
        inner = _resized(_fold(tokens, rows, columns), height, width)
        return self.fuse(jnp.concatenate([maps, self.leave(inner)], axis=-1))


def _unfold(maps: Maps) -> Tokens:
    """One sequence for each place within a patch, over all patches of an image."""
    batch, height, width, channels = maps.shape
    patches = maps.reshape(batch, height // PATCH, PATCH, width // PATCH, PATCH, channels)
    return patches.transpose(0, 2, 4, 1, 3, 5).reshape(batch * PATCH**2, -1, channels)


def _fold(tokens: Tokens, rows: int, columns: int) -> Maps:
    """The maps of rows x columns patches that `_unfold` made these tokens of."""
    patches = tokens.reshape(-1, PATCH, PATCH, rows, columns, tokens.shape[-1])
    maps = patches.transpose(0, 3, 1, 4, 2, 5)
    return maps.reshape(-1, rows * PATCH, columns * PATCH, tokens.shape[-1])


def _resized(maps: Maps, height: int, width: int) -> NewMaps:
    """PyTorch's bilinear interpolation: the borders of both grids lie on each other."""
    if maps.shape[1:3] == (height, width):
        return maps
    shape = (len(maps), height, width, maps.shape[-1])
    return jax.image.resize(maps, shape, "linear", antialias=False)
