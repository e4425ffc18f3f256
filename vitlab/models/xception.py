"""Xception (Chollet 2017, "Xception: Deep Learning with Depthwise Separable Convolutions")."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from vitlab.models.classifier import Backbone, Images, Scheme, large_enough, normalise
from vitlab.models.layers import (
    ConvNorm,
    Convolution,
    Maps,
    NewMaps,
    NormSettings,
    Padding,
    max_pool,
    repeated,
)

SMALLEST = 7  # pixels per side that leave one position at the end

# Channels of the separable convolutions of each block (figure 5). Those whose channels change halve
# the maps too.
BLOCKS = (
    (128, 128),
    (256, 256),
    (728, 728),
    *(8 * ((728, 728, 728),)),
    (728, 1024),
)
STEM, LAST = (32, 64), (1536, 2048)


class Xception(Backbone):
    """Residual blocks of separable convolutions.

    The defaults compute what Keras applications computes.

    Args:
        padding: of the pooling that ends a block (see `convolve`); timm's is symmetric.
        epsilon, momentum, unbiased: of every batch normalisation (see `NormSettings`).
    """

    def __init__(
        self,
        *,
        input_size: int = 299,
        padding: Padding = "tensorflow",
        epsilon: float = 1e-3,
        momentum: float = 0.99,
        unbiased: bool = False,
        scheme: Scheme = "symmetric",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self.input_size = large_enough(input_size, SMALLEST)
        self.scheme = scheme
        self.dtype = dtype

        layer = partial(ConvNorm, norm=NormSettings(epsilon, momentum, unbiased), rngs=rngs)
        separable = partial(SeparableNorm, layer=layer, rngs=rngs)
        first, channels = STEM
        self.stem = nnx.List(
            [
                layer(3, first, kernel=3, stride=2, padding="valid", activation=jax.nn.relu),
                layer(first, channels, kernel=3, padding="valid", activation=jax.nn.relu),
            ]
        )
        blocks = []
        for index, widths in enumerate(BLOCKS):
            blocks.append(
                Block(
                    channels,
                    widths,
                    activated=index == 0,
                    padding=padding,
                    layer=layer,
                    separable=separable,
                )
            )
            channels = widths[-1]
        self.blocks = nnx.List(blocks)
        self.last = nnx.List([separable(channels, LAST[0]), separable(*LAST)])
        self.embedding_width = LAST[-1]

    def features(self, images: Images) -> NewMaps:
        maps = normalise(images, self.scheme, self.dtype)
        for convolution in self.stem:
            maps = convolution(maps)
        for block in self.blocks:
            maps = block(maps)
        for separable in self.last:
            maps = jax.nn.relu(separable(maps))
        return maps


class Block(nnx.Module):
    """Separable convolutions, each behind a ReLU, and where the channels change a pooling.

    `activated` says that the maps come from a ReLU, so the first one is left out.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        *,
        activated: bool,
        padding: Padding,
        layer: Callable[..., ConvNorm],
        separable: Callable[[int, int], "SeparableNorm"],
    ):
        inputs = (in_channels, *widths[:-1])
        self.layers = nnx.List(separable(*sizes) for sizes in zip(inputs, widths, strict=True))
        self.shortcut = (
            layer(in_channels, widths[-1], kernel=1, stride=2, padding="valid", activation=None)
            if widths[-1] != in_channels
            else None
        )
        self.activated = activated
        self.padding: Padding = padding

    @repeated
    def __call__(self, maps: Maps) -> NewMaps:
        inner = maps
        for index, separable in enumerate(self.layers):
            inner = separable(inner if self.activated and not index else jax.nn.relu(inner))
        if self.shortcut is None:
            return maps + inner
        return self.shortcut(maps) + max_pool(inner, window=3, stride=2, padding=self.padding)


class SeparableNorm(nnx.Module):
    """3x3 per channel, then 1x1 over all channels without anything between, then normalisation."""

    def __init__(
        self, in_channels: int, out_channels: int, *, layer: Callable[..., ConvNorm], rngs: nnx.Rngs
    ):
        self.depthwise = Convolution(
            in_channels, in_channels, kernel=3, groups=in_channels, padding="symmetric", rngs=rngs
        )
        self.pointwise = layer(in_channels, out_channels, kernel=1, padding="valid", activation=None)

    def __call__(self, maps: Maps) -> NewMaps:
        return self.pointwise(self.depthwise(maps))
