"""Inception-ResNet v2 (Szegedy et al. 2017, "Inception-v4, Inception-ResNet and the Impact of
Residual Connections on Learning")."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from vitlab.models.classifier import Backbone, Images, Scheme, large_enough, normalise
from vitlab.models.inception_v3 import SMALLEST, Stem
from vitlab.models.layers import (
    Branches,
    Chain,
    Conv,
    ConvNorm,
    Convolution,
    Maps,
    NewMaps,
    NormSettings,
    chain,
    repeated,
)

EPSILON = 1e-3  # of every batch normalisation
LAST_CHANNELS = 1536


class InceptionResNetV2(Backbone):
    """Three stages: a block of branches that enters it, then residual blocks of branches.

    As the authors published it, and with them timm and Keras applications: with the stem of
    Inception v3 and other widths than the paper's figures.

    Args:
        momentum, unbiased: of every batch normalisation (see `NormSettings`); the defaults are Keras's.
    """

    def __init__(
        self,
        *,
        input_size: int = 299,
        momentum: float = 0.99,
        unbiased: bool = False,
        scheme: Scheme = "symmetric",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self.input_size = large_enough(input_size, SMALLEST)
        self.scheme = scheme
        self.dtype = dtype

        layer = partial(
            ConvNorm,
            activation=jax.nn.relu,
            norm=NormSettings(EPSILON, momentum, unbiased),
            rngs=rngs,
        )
        self.stem = Stem(layer=layer)
        channels, stages = self.stem.channels, []
        for entry, chains, scales in STAGES:
            stages.append(Stage(channels, entry, chains, scales, layer=layer, rngs=rngs))
            channels = stages[-1].entry.channels
        self.stages = nnx.List(stages)
        self.last = layer(channels, LAST_CHANNELS, kernel=1, padding="valid")
        self.embedding_width = LAST_CHANNELS

    def features(self, images: Images) -> NewMaps:
        maps = self.stem(normalise(images, self.scheme, self.dtype))
        for stage in self.stages:
            maps = stage(maps)
        return self.last(maps)


class Stage(nnx.Module):
    """A residual block for each of `scales`, behind an entry that sets size and channels."""

    def __init__(
        self,
        in_channels: int,
        entry: tuple[Chain, ...],
        chains: tuple[Chain, ...],
        scales: tuple[float, ...],
        *,
        layer: Callable[..., ConvNorm],
        rngs: nnx.Rngs,
    ):
        self.entry = Branches(in_channels, entry, layer=layer)
        self.blocks = nnx.List(
            InceptionResidual(self.entry.channels, chains, scale=scale, layer=layer, rngs=rngs)
            for scale in scales
        )

    def __call__(self, maps: Maps) -> NewMaps:
        maps = self.entry(maps)
        for block in self.blocks:
            maps = block(maps)
        return maps


class InceptionResidual(nnx.Module):
    """Branches, a 1x1 without normalisation, and a share of it added (section 3.3).

    The very last block, which adds all of it, has no activation.
    """

    def __init__(
        self,
        channels: int,
        chains: tuple[Chain, ...],
        *,
        scale: float,
        layer: Callable[..., ConvNorm],
        rngs: nnx.Rngs,
    ):
        self.branches = Branches(channels, chains, layer=layer)
        self.project = Convolution(
            self.branches.channels, channels, kernel=1, bias=True, padding="valid", rngs=rngs
        )
        self.scale = scale

    @repeated
    def __call__(self, maps: Maps) -> Maps:
        maps = maps + self.scale * self.project(self.branches(maps))
        return jax.nn.relu(maps) if self.scale < 1 else maps


# Of each stage: its entry, the branches of its blocks, and the share that each block adds.
STAGES = (
    (
        (
            chain(Conv(96, 1)),
            chain(Conv(48, 1), Conv(64, 5)),
            chain(Conv(64, 1), Conv(96, 3), Conv(96, 3)),
            chain(Conv(64, 1), pool="average"),
        ),
        (
            chain(Conv(32, 1)),
            chain(Conv(32, 1), Conv(32, 3)),
            chain(Conv(32, 1), Conv(48, 3), Conv(64, 3)),
        ),
        10 * (0.17,),
    ),
    (
        (
            chain(Conv(384, 3, stride=2)),
            chain(Conv(256, 1), Conv(256, 3), Conv(384, 3, stride=2)),
            chain(pool="max"),
        ),
        (
            chain(Conv(192, 1)),
            chain(Conv(128, 1), Conv(160, (1, 7)), Conv(192, (7, 1))),
        ),
        20 * (0.1,),
    ),
    (
        (
            chain(Conv(256, 1), Conv(384, 3, stride=2)),
            chain(Conv(256, 1), Conv(288, 3, stride=2)),
            chain(Conv(256, 1), Conv(288, 3), Conv(320, 3, stride=2)),
            chain(pool="max"),
        ),
        (
            chain(Conv(192, 1)),
            chain(Conv(192, 1), Conv(224, (1, 3)), Conv(256, (3, 1))),
        ),
        (*(9 * (0.2,)), 1.0),
    ),
)
