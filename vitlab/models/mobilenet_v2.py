"""MobileNetV2 (Sandler et al. 2018, "Inverted Residuals and Linear Bottlenecks")."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from vitlab.models.classifier import Backbone, Images, Scheme, normalise
from vitlab.models.layers import ConvNorm, Maps, NewMaps, NormSettings, Padding, repeated

# Table 2 of the paper: expansion t, output channels c, repeats n, stride s of the first repeat.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM_CHANNELS = 32
LAST_CHANNELS = 1280


class MobileNetV2(Backbone):
    """Inverted residuals: wide inside, narrow between.

    The defaults compute what Keras applications computes. Other publishers trained the same table
    with other details, and their weights are only right with these.

    Args:
        width: multiplies the channels of every layer; they are rounded to multiples of 8.
        padding: of the convolutions with stride 2 (see `convolve`).
        epsilon, momentum, unbiased: of every batch normalisation (see `NormSettings`).
        activation: "relu6", or "relu" as MXNet's Gluon has it.
        expand_always: give the first block, whose expansion is 1, an expanding layer too (Gluon).
    """

    halved = True

    def __init__(
        self,
        *,
        input_size: int = 224,
        width: float = 1.0,
        padding: Padding = "tensorflow",
        epsilon: float = 1e-3,
        momentum: float = 0.999,
        unbiased: bool = False,
        activation: Literal["relu6", "relu"] = "relu6",
        expand_always: bool = False,
        scheme: Scheme = "symmetric",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self.input_size = input_size
        self.scheme = scheme
        self.dtype = dtype
        layer = partial(
            ConvNorm,
            activation={"relu6": jax.nn.relu6, "relu": jax.nn.relu}[activation],
            padding=padding,
            norm=NormSettings(epsilon, momentum, unbiased),
            rngs=rngs,
        )
        channels = rounded(STEM_CHANNELS * width)
        self.stem = layer(3, channels, kernel=3, stride=2)
        self.blocks = _blocks(channels, width, expand_always, layer=layer)
        self.embedding_width = rounded(LAST_CHANNELS * max(width, 1.0))
        self.last = layer(rounded(STAGES[-1][1] * width), self.embedding_width, kernel=1)

    def features(self, images: Images) -> NewMaps:
        maps = self.stem(normalise(images, self.scheme, self.dtype))
        for block in self.blocks:
            maps = block(maps)
        return self.last(maps)


def _blocks(
    channels: int, width: float, expand_always: bool, *, layer: Callable[..., ConvNorm]
) -> nnx.List:
    """Those of the table, as wide as asked; `channels` come in."""
    blocks = []
    for expansion, base, repeats, first_stride in STAGES:
        for index in range(repeats):
            out = rounded(base * width)
            block = InvertedResidual(
                channels,
                out,
                hidden=channels * expansion,
                expand=expansion > 1 or expand_always,
                stride=1 if index else first_stride,
                layer=layer,
            )
            blocks.append(block)
            channels = out
    return nnx.List(blocks)


class InvertedResidual(nnx.Module):
    """Expand 1x1, filter 3x3 per channel, project 1x1 (section 3.3 of the paper).

    The projection has no activation: in few channels, ReLU6 would lose information.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        hidden: int,
        expand: bool,
        stride: int,
        layer: Callable[..., ConvNorm],
    ):
        self.expand = layer(in_channels, hidden, kernel=1) if expand else None
        self.filter = layer(hidden, hidden, kernel=3, stride=stride, groups=hidden)
        self.project = layer(hidden, out_channels, kernel=1, activation=None)
        self.is_residual = stride == 1 and in_channels == out_channels

    @repeated
    def __call__(self, maps: Maps) -> NewMaps:
        inner = self.expand(maps) if self.expand else maps
        inner = self.project(self.filter(inner))
        return maps + inner if self.is_residual else inner


@dataclass(frozen=True)
class Operator:
    """A row of the paper's table 2: what comes in, what is done, and t, c, n, s.

    As there, the head's `out_channels` are "k", which stands for the classes.
    """

    size: int
    channels: int
    operator: str
    expansion: int | None
    out_channels: int | Literal["k"] | None
    repeats: int | None
    stride: int | None


def operator_table(options: Mapping[str, Any], input_size: int) -> list[Operator]:
    """The table that the network is built from, for its width and input size (row S0-12)."""
    width = options.get("width", 1.0)
    size, channels = -(-input_size // 2), rounded(STEM_CHANNELS * width)
    rows = [Operator(input_size, 3, "conv2d 3x3", None, channels, 1, 2)]
    for expansion, base, repeats, stride in STAGES:
        out = rounded(base * width)
        rows.append(Operator(size, channels, "bottleneck", expansion, out, repeats, stride))
        size, channels = -(-size // stride), out
    last = rounded(LAST_CHANNELS * max(width, 1.0))
    rows.append(Operator(size, channels, "conv2d 1x1", None, last, 1, 1))
    rows.append(Operator(size, last, f"avgpool {size}x{size}", None, None, 1, None))
    rows.append(Operator(1, last, "conv2d 1x1", None, "k", None, None))
    return rows


def rounded(channels: float) -> int:
    """The nearest multiple of 8, at least 8, and never more than 10 % below `channels`."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
