"""Inception v3 (Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision")."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from vitlab.models.classifier import Backbone, Images, Scheme, large_enough, normalise
from vitlab.models.layers import (
    Branches,
    Chain,
    Conv,
    ConvNorm,
    Maps,
    NewMaps,
    NormSettings,
    Pool,
    chain,
    max_pool,
)

EPSILON = 1e-3  # of every batch normalisation
SMALLEST = 75  # pixels per side that leave one position at the end

LONG, TALL = (1, 7), (7, 1)


class InceptionV3(Backbone):
    """A stem, then blocks of branches that look at the same maps with kernels of several sizes.

    The defaults compute what Keras applications computes. Without the auxiliary head, which only the
    training of the publishers used.

    Args:
        include_padding: average the zeros around the maps too (torchvision, timm).
        momentum, unbiased: of every batch normalisation (see `NormSettings`).
    """

    def __init__(
        self,
        *,
        input_size: int = 299,
        include_padding: bool = False,
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
        channels, blocks = self.stem.channels, []
        for chains in _blocks(include_padding):
            blocks.append(Branches(channels, chains, layer=layer))
            channels = blocks[-1].channels
        self.blocks = nnx.List(blocks)
        self.embedding_width = channels

    def features(self, images: Images) -> NewMaps:
        maps = self.stem(normalise(images, self.scheme, self.dtype))
        for block in self.blocks:
            maps = block(maps)
        return maps


class Stem(nnx.Module):
    """Five convolutions and two poolings, which leave 35 x 35 positions of 299 x 299 (table 1).

    As the authors published it: with a 1x1 in the place of one 3x3 of the paper's table.
    """

    channels = 192

    def __init__(self, *, layer: Callable[..., ConvNorm]):
        self.layers = nnx.List(
            [
                layer(3, 32, kernel=3, stride=2, padding="valid"),
                layer(32, 32, kernel=3, padding="valid"),
                layer(32, 64, kernel=3, padding="symmetric"),
                layer(64, 80, kernel=1, padding="valid"),
                layer(80, self.channels, kernel=3, padding="valid"),
            ]
        )

    def __call__(self, maps: Maps) -> NewMaps:
        for index, layer in enumerate(self.layers):
            maps = layer(maps)
            if index in (2, 4):
                maps = max_pool(maps, window=3, stride=2)
        return maps


def _blocks(include_padding: bool) -> tuple[tuple[Chain, ...], ...]:
    """The eleven blocks, from 35 x 35 positions over 17 x 17 to 8 x 8."""
    average: Pool = "average with padding" if include_padding else "average"
    wide = (*WIDE, chain(Conv(192, 1), pool=average))
    return (
        *(_small(pooled, average) for pooled in (32, 64, 64)),
        TO_17,
        *(_factorised(inner, average) for inner in (128, 160, 160, 192)),
        TO_8,
        *(wide, wide),
    )


def _small(pooled: int, average: Pool) -> tuple[Chain, ...]:
    """A 5x5 (figure 4) beside the two 3x3 that can replace one (figure 5)."""
    return (
        chain(Conv(64, 1)),
        chain(Conv(48, 1), Conv(64, 5)),
        chain(Conv(64, 1), Conv(96, 3), Conv(96, 3)),
        chain(Conv(pooled, 1), pool=average),
    )


def _factorised(inner: int, average: Pool) -> tuple[Chain, ...]:
    """Figure 6: 7x7 as 1x7 and 7x1."""
    return (
        chain(Conv(192, 1)),
        chain(Conv(inner, 1), Conv(inner, LONG), Conv(192, TALL)),
        chain(
            Conv(inner, 1),
            *(Conv(inner, TALL), Conv(inner, LONG), Conv(inner, TALL), Conv(192, LONG)),
        ),
        chain(Conv(192, 1), pool=average),
    )


# The blocks that halve the maps, and the last ones' branches but for the pooled one (figure 7).
TO_17 = (
    chain(Conv(384, 3, stride=2)),
    chain(Conv(64, 1), Conv(96, 3), Conv(96, 3, stride=2)),
    chain(pool="max"),
)
TO_8 = (
    chain(Conv(192, 1), Conv(320, 3, stride=2)),
    chain(Conv(192, 1), Conv(192, LONG), Conv(192, TALL), Conv(192, 3, stride=2)),
    chain(pool="max"),
)
FORK = (chain(Conv(384, (1, 3))), chain(Conv(384, (3, 1))))
WIDE = (
    chain(Conv(320, 1)),
    chain(Conv(384, 1), FORK),
    chain(Conv(448, 1), Conv(384, 3), FORK),
)
