"""ResNet (He et al. 2016, "Deep Residual Learning for Image Recognition")."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from vitlab.models.classifier import Backbone, Images, Scheme, few_enough, normalise
from vitlab.models.layers import ConvNorm, Maps, NewMaps, NormSettings, max_pool, repeated

STEM_CHANNELS = 64
EXPANSION = 4  # of a bottleneck's output over its inner channels


class ResNet(Backbone):
    """Four stages of residual blocks; each stage after the first halves the maps.

    The defaults compute what torchvision and timm compute ("v1.5": a bottleneck strides in its 3x3).

    Args:
        depths: blocks per stage (table 1 of the paper).
        block: "basic" (two 3x3) or "bottleneck" (1x1, 3x3, 1x1).
        stride_in: the convolution of a bottleneck that strides; "1x1" in the paper and in Keras.
        bias: of the convolutions; Keras has them.
        epsilon, momentum, unbiased: of every batch normalisation (see `NormSettings`).
    """

    def __init__(
        self,
        *,
        depths: tuple[int, int, int, int],
        block: Literal["basic", "bottleneck"],
        input_size: int = 224,
        stride_in: Literal["1x1", "3x3"] = "3x3",
        bias: bool = False,
        epsilon: float = 1e-5,
        momentum: float = 0.9,
        unbiased: bool = True,
        scheme: Scheme = "imagenet",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        few_enough(sum(depths), "blocks")
        self.input_size = input_size
        self.scheme = scheme
        self.dtype = dtype

        layer = partial(
            ConvNorm,
            activation=jax.nn.relu,
            bias=bias,
            padding="symmetric",
            norm=NormSettings(epsilon, momentum, unbiased),
            rngs=rngs,
        )
        self.stem = layer(3, STEM_CHANNELS, kernel=7, stride=2)
        build: Callable[..., nnx.Module]
        if block == "basic":
            expansion, build = 1, partial(BasicBlock, layer=layer)
        else:
            expansion, build = EXPANSION, partial(Bottleneck, stride_in=stride_in, layer=layer)
        self.stages = _stages(depths, build, expansion)
        self.embedding_width = expansion * STEM_CHANNELS * 2 ** (len(depths) - 1)

    def features(self, images: Images) -> NewMaps:
        maps = self.stem(normalise(images, self.scheme, self.dtype))
        maps = max_pool(maps, window=3, stride=2, padding="symmetric")
        for stage in self.stages:
            for block in stage:
                maps = block(maps)
        return maps


def _stages(
    depths: tuple[int, int, int, int], block: Callable[..., nnx.Module], expansion: int
) -> nnx.List:
    channels, stages = STEM_CHANNELS, []
    for stage, depth in enumerate(depths):
        inner = STEM_CHANNELS * 2**stage
        blocks = []
        for index in range(depth):
            blocks.append(block(channels, inner, stride=2 if stage and not index else 1))
            channels = expansion * inner
        stages.append(nnx.List(blocks))
    return nnx.List(stages)


class BasicBlock(nnx.Module):
    """Two 3x3 convolutions beside a shortcut (figure 5, left)."""

    def __init__(self, in_channels: int, channels: int, *, stride: int, layer: Callable[..., ConvNorm]):
        self.first = layer(in_channels, channels, kernel=3, stride=stride)
        self.second = layer(channels, channels, kernel=3, activation=None)
        self.shortcut = _shortcut(in_channels, channels, stride, layer)

    @repeated
    def __call__(self, maps: Maps) -> NewMaps:
        kept = self.shortcut(maps) if self.shortcut else maps
        return jax.nn.relu(kept + self.second(self.first(maps)))


class Bottleneck(nnx.Module):
    """Reduce 1x1, filter 3x3, expand 1x1, beside a shortcut (figure 5, right)."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: int,
        stride_in: Literal["1x1", "3x3"],
        layer: Callable[..., ConvNorm],
    ):
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.reduce = layer(in_channels, channels, kernel=1, stride=first)
        self.filter = layer(channels, channels, kernel=3, stride=second)
        self.expand = layer(channels, EXPANSION * channels, kernel=1, activation=None)
        self.shortcut = _shortcut(in_channels, EXPANSION * channels, stride, layer)

    @repeated
    def __call__(self, maps: Maps) -> NewMaps:
        kept = self.shortcut(maps) if self.shortcut else maps
        return jax.nn.relu(kept + self.expand(self.filter(self.reduce(maps))))


def _shortcut(
    in_channels: int, out_channels: int, stride: int, layer: Callable[..., ConvNorm]
) -> ConvNorm | None:
    """A projection where the shape changes (option B of the paper); elsewhere the input itself."""
    if stride == 1 and in_channels == out_channels:
        return None
    return layer(in_channels, out_channels, kernel=1, stride=stride, activation=None)
