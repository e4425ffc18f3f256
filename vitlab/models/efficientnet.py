"""EfficientNet (Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks")."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from vitlab.models.classifier import Backbone, Images, Scheme, few_enough, normalise
from vitlab.models.layers import ConvNorm, Convolution, Maps, NewMaps, NormSettings, Padding, repeated
from vitlab.models.mobilenet_v2 import rounded

# Table 1 of the paper: expansion, output channels, repeats, stride of the first repeat, kernel.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
STEM_CHANNELS = 32
LAST_CHANNELS = 1280
SQUEEZE = 4  # a block's input channels over those of its squeeze


class EfficientNet(Backbone):
    """MobileNetV2's blocks with squeeze and excitation, scaled in width, depth and image size.

    The defaults compute what torchvision and timm compute. Keras applications and timm's
    `tf_efficientnet` networks pad as TensorFlow does, with an epsilon of 1e-3.

    Args:
        width_factor: multiplies the channels of every layer; they are rounded to multiples of 8.
        depth_factor: multiplies the repeats of every stage; they are rounded up.
        padding: of the convolutions with stride 2 (see `convolve`).
        epsilon, momentum, unbiased: of every batch normalisation (see `NormSettings`).
    """

    halved = True

    def __init__(
        self,
        *,
        input_size: int = 224,
        width_factor: float = 1.0,
        depth_factor: float = 1.0,
        padding: Padding = "symmetric",
        epsilon: float = 1e-5,
        momentum: float = 0.9,
        unbiased: bool = True,
        scheme: Scheme = "imagenet",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        repeats = [math.ceil(stage_repeats * depth_factor) for _, _, stage_repeats, _, _ in STAGES]
        few_enough(sum(repeats), "blocks")
        self.input_size = input_size
        self.scheme = scheme
        self.dtype = dtype

        layer = partial(
            ConvNorm,
            activation=jax.nn.silu,
            padding=padding,
            norm=NormSettings(epsilon, momentum, unbiased),
            rngs=rngs,
        )
        channels = rounded(STEM_CHANNELS * width_factor)
        self.stem = layer(3, channels, kernel=3, stride=2)
        self.stages = _stages(channels, width_factor, repeats, layer=layer, rngs=rngs)
        self.embedding_width = rounded(LAST_CHANNELS * width_factor)
        self.last = layer(rounded(STAGES[-1][1] * width_factor), self.embedding_width, kernel=1)

    def features(self, images: Images) -> NewMaps:
        maps = self.stem(normalise(images, self.scheme, self.dtype))
        for stage in self.stages:
            for block in stage:
                maps = block(maps)
        return self.last(maps)


def _stages(
    channels: int,
    width_factor: float,
    repeats: Sequence[int],
    *,
    layer: Callable[..., ConvNorm],
    rngs: nnx.Rngs,
) -> nnx.List:
    """Those of the table, scaled, with as many blocks each as `repeats` says; `channels` come in."""
    stages = []
    for (expansion, base, _, first_stride, kernel), count in zip(STAGES, repeats, strict=True):
        blocks = []
        for index in range(count):
            stride = 1 if index else first_stride
            out = rounded(base * width_factor)
            shape: dict[str, int] = dict(expansion=expansion, kernel=kernel, stride=stride)
            blocks.append(Block(channels, out, **shape, layer=layer, rngs=rngs))
            channels = out
        stages.append(nnx.List(blocks))
    return nnx.List(stages)


class Block(nnx.Module):
    """Expand 1x1, filter per channel, weigh the channels, project 1x1 without an activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        expansion: int,
        kernel: int,
        stride: int,
        layer: Callable[..., ConvNorm],
        rngs: nnx.Rngs,
    ):
        hidden = in_channels * expansion
        self.expand = layer(in_channels, hidden, kernel=1) if expansion > 1 else None
        self.filter = layer(hidden, hidden, kernel=kernel, stride=stride, groups=hidden)
        self.excite = SqueezeExcitation(hidden, in_channels // SQUEEZE, rngs=rngs)
        self.project = layer(hidden, out_channels, kernel=1, activation=None)
        self.is_residual = stride == 1 and in_channels == out_channels

    @repeated
    def __call__(self, maps: Maps) -> NewMaps:
        inner = self.expand(maps) if self.expand else maps
        inner = self.project(self.excite(self.filter(inner)))
        return maps + inner if self.is_residual else inner


class SqueezeExcitation(nnx.Module):
    """A weight in (0, 1) for each channel, from the means of all channels (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int, *, rngs: nnx.Rngs):
        def plain(inputs: int, outputs: int) -> Convolution:
            return Convolution(inputs, outputs, kernel=1, bias=True, padding="valid", rngs=rngs)

        self.reduce = plain(channels, squeezed)
        self.expand = plain(squeezed, channels)

    def __call__(self, maps: Maps) -> Maps:
        means = maps.mean(axis=(1, 2), keepdims=True, dtype=jnp.float32).astype(maps.dtype)
        return maps * jax.nn.sigmoid(self.expand(jax.nn.silu(self.reduce(means))))
