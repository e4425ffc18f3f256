"""The residual image tower of CLIP (Radford et al. 2021, section 2.4)."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from vitlab.models.classifier import (
    Backbone,
    Embedding,
    Images,
    Scheme,
    few_enough,
    large_enough,
    normalise,
)
from vitlab.models.layers import ConvNorm, Linear, Maps, NewMaps, attend, block_average, repeated

EXPANSION = 4  # of a bottleneck's output over its inner channels
SMALLEST = 31  # pixels per side that leave one position at the end


class CLIPResNet(Backbone):
    """A ResNet with a stem of three convolutions, and averages in place of every stride after it.

    `features` gives the last maps; `pool` asks them with their own mean (attention pooling), which
    binds the network to its input size.

    Args:
        depths: bottlenecks per stage.
        heads: of the attention.
        embedding_width: of the space that images and texts share.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, int, int, int],
        width: int,
        heads: int,
        embedding_width: int,
        input_size: int = 224,
        scheme: Scheme = "clip",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        few_enough(sum(depths), "blocks")
        self.input_size = large_enough(input_size, SMALLEST)
        self.embedding_width = embedding_width
        self.scheme = scheme
        self.dtype = dtype
        layer = partial(ConvNorm, activation=jax.nn.relu, padding="symmetric", rngs=rngs)
        self.stem = nnx.List(
            [
                layer(3, width // 2, kernel=3, stride=2),
                layer(width // 2, width // 2, kernel=3),
                layer(width // 2, width, kernel=3),
            ]
        )
        channels, stages = width, []
        for stage, depth in enumerate(depths):
            inner, blocks = width * 2**stage, []
            for index in range(depth):
                stride = 2 if stage and not index else 1
                blocks.append(Bottleneck(channels, inner, stride=stride, layer=layer))
                channels = EXPANSION * inner
            stages.append(nnx.List(blocks))
        self.stages = nnx.List(stages)
        rows = (input_size + 1) // 32  # the stem's stride rounds up, the averages down
        self.attention = AttentionPool(rows, channels, heads, embedding_width, dtype=dtype, rngs=rngs)

    def features(self, images: Images) -> NewMaps:
        maps = normalise(images, self.scheme, self.dtype)
        for convolution in self.stem:
            maps = convolution(maps)
        maps = block_average(maps, 2)
        for stage in self.stages:
            for block in stage:
                maps = block(maps)
        return maps

    def pool(self, features: Maps) -> Embedding:
        return self.attention(features).astype(jnp.float32)


class Bottleneck(nnx.Module):
    """Reduce 1x1, filter 3x3, average, expand 1x1, beside a shortcut that averages too."""

    def __init__(self, in_channels: int, channels: int, *, stride: int, layer: Callable[..., ConvNorm]):
        out_channels = EXPANSION * channels
        self.stride = stride
        self.reduce = layer(in_channels, channels, kernel=1)
        self.filter = layer(channels, channels, kernel=3)
        self.expand = layer(channels, out_channels, kernel=1, activation=None)
        projects = stride > 1 or in_channels != out_channels
        self.shortcut = layer(in_channels, out_channels, kernel=1, activation=None) if projects else None

    @repeated
    def __call__(self, maps: Maps) -> NewMaps:
        inner = block_average(self.filter(self.reduce(maps)), self.stride)
        kept = block_average(maps, self.stride)
        kept = self.shortcut(kept) if self.shortcut else kept
        return jax.nn.relu(kept + self.expand(inner))


class AttentionPool(nnx.Module):
    """The mean of all positions asks each of them, and itself, what to keep."""

    def __init__(
        self,
        rows: int,
        width: int,
        heads: int,
        out_width: int,
        *,
        dtype: Dtype,
        rngs: nnx.Rngs,
    ):
        self.heads = heads
        normal = nnx.initializers.normal(width**-0.5)
        self.positions = nnx.Param(normal(rngs.params(), (1, rows * rows + 1, width)))

        def linear(outputs: int) -> Linear:
            return Linear(width, outputs, kernel_init=normal, dtype=dtype, rngs=rngs)

        self.query, self.key, self.value = (linear(width) for _ in range(3))
        self.out = linear(out_width)

    def __call__(self, maps: Maps) -> Embedding:
        tokens = maps.reshape(len(maps), -1, maps.shape[-1])
        tokens = jnp.concatenate([tokens.mean(axis=1, keepdims=True), tokens], axis=1)
        tokens = tokens + self.positions[...].astype(tokens.dtype)
        query, key, value = self.query(tokens[:, :1]), self.key(tokens), self.value(tokens)
        return self.out(attend(query, key, value, heads=self.heads)[:, 0])
