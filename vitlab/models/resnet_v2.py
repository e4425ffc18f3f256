"""ResNet v2 (He et al. 2016, "Identity Mappings in Deep Residual Networks")."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from vitlab.models.classifier import Backbone, Images, Scheme, few_enough, normalise
from vitlab.models.layers import (
    BatchNorm,
    ConvNorm,
    Convolution,
    Maps,
    NewMaps,
    NormSettings,
    max_pool,
    repeated,
)

STEM_CHANNELS = 64
EXPANSION = 4  # of a bottleneck's output over its inner channels
NORM = NormSettings(epsilon=1.001e-5, momentum=0.99, unbiased=False)  # Keras's


class ResNetV2(Backbone):
    """Bottlenecks that normalise before they convolve, so that the shortcut is never touched.

    As Keras applications builds it: a stage halves the maps in its last block, not in its first.

    Args:
        depths: bottlenecks per stage.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, int, int, int],
        input_size: int = 224,
        scheme: Scheme = "symmetric",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        few_enough(sum(depths), "blocks")
        self.input_size = input_size
        self.scheme = scheme
        self.dtype = dtype
        self.stem = Convolution(
            3, STEM_CHANNELS, kernel=7, stride=2, bias=True, padding="symmetric", rngs=rngs
        )
        channels, stages = STEM_CHANNELS, []
        for stage, depth in enumerate(depths):
            inner, blocks = STEM_CHANNELS * 2**stage, []
            for index in range(depth):
                is_last = index == depth - 1 and stage < len(depths) - 1
                stride = 2 if is_last else 1
                projects = index == 0
                blocks.append(Bottleneck(channels, inner, stride=stride, projects=projects, rngs=rngs))
                channels = EXPANSION * inner
            stages.append(nnx.List(blocks))
        self.stages = nnx.List(stages)
        self.norm = BatchNorm(channels, NORM)
        self.embedding_width = channels

    def features(self, images: Images) -> NewMaps:
        maps = self.stem(normalise(images, self.scheme, self.dtype))
        # The border is 0, not the lowest value: nothing was made positive yet.
        maps = jnp.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
        maps = max_pool(maps, window=3, stride=2)
        for stage in self.stages:
            for block in stage:
                maps = block(maps)
        return jax.nn.relu(self.norm(maps))


class Bottleneck(nnx.Module):
    """Normalise, then reduce 1x1, filter 3x3, expand 1x1, beside a shortcut (figure 4e)."""

    def __init__(self, in_channels: int, channels: int, *, stride: int, projects: bool, rngs: nnx.Rngs):
        out_channels = EXPANSION * channels
        plain = partial(Convolution, kernel=1, bias=True, padding="symmetric", rngs=rngs)
        layer: Callable[..., ConvNorm] = partial(
            ConvNorm, activation=jax.nn.relu, padding="symmetric", norm=NORM, rngs=rngs
        )
        self.stride = stride
        self.norm = BatchNorm(in_channels, NORM)
        self.shortcut = plain(in_channels, out_channels, stride=stride) if projects else None
        self.reduce = layer(in_channels, channels, kernel=1)
        self.filter = layer(channels, channels, kernel=3, stride=stride)
        self.expand = plain(channels, out_channels)

    @repeated
    def __call__(self, maps: Maps) -> NewMaps:
        normalised = jax.nn.relu(self.norm(maps))
        kept = self.shortcut(normalised) if self.shortcut else maps[:, :: self.stride, :: self.stride]
        return kept + self.expand(self.filter(self.reduce(normalised)))
