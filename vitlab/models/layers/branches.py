"""Branches of convolutions side by side: what the Inception networks are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from vitlab.models.layers.backend import prefers_reformulation
from vitlab.models.layers.conv_norm import ConvNorm
from vitlab.models.layers.convolution import Padding, convolve
from vitlab.models.layers.pooling import average_pool, max_pool
from vitlab.models.layers.rematerialise import repeated
from vitlab.models.layers.shapes import Maps, NewMaps

# What 1x1 kernels answer to maps.
Products = Float[Array, "batch height width products"]
Pool = Literal["max", "average", "average with padding"]


@dataclass(frozen=True)
class Conv:
    """One convolution of a chain; with a stride it has no padding, without one it keeps the size."""

    channels: int
    kernel: int | tuple[int, int]
    stride: int = 1


@dataclass(frozen=True)
class Chain:
    """What a branch does: pool if it does, then one step after the other.

    A step that is a tuple forks into branches of its own. "max" halves the maps, the averages (see
    `average_pool`) keep their size. An average must be followed by a 1x1 without a bias, which is done
    before it, in every formulation: the two commute, and fewer channels are left to average.
    """

    steps: tuple["Conv | tuple[Chain, ...]", ...]
    pool: Pool | None

    def __post_init__(self) -> None:
        if self.pool not in (None, "max"):
            first = self.steps[0] if self.steps else None
            if not (isinstance(first, Conv) and (first.kernel, first.stride) == (1, 1)):
                raise ValueError(f"after an average comes a kernel of 1 and stride 1, not {first}")


def chain(*steps: Conv | tuple[Chain, ...], pool: Pool | None = None) -> Chain:
    return Chain(steps, pool)


class Branches(nnx.Module):
    """Branches that see the same maps; what they answer is joined along the channels."""

    def __init__(self, in_channels: int, chains: tuple[Chain, ...], *, layer: Callable[..., ConvNorm]):
        self.branches = nnx.List(Branch(in_channels, chain, layer=layer) for chain in chains)
        self.channels: int = sum(branch.channels for branch in self.branches)

    @repeated
    def __call__(self, maps: Maps) -> NewMaps:
        joint = self.joint_products(maps)
        outputs = [branch(maps, joint.get(branch.first)) for branch in self.branches]
        return jnp.concatenate(outputs, axis=-1)

    def joint_products(self, maps: Maps) -> dict[ConvNorm | None, Products]:
        """On CPU, of each 1x1 that a branch begins with, what it answers to the maps.

        It is one product for all, and one for their gradients: the maps are read once, and no matrix has
        the 48 columns that leave the processor waiting.
        """
        layers = [branch.first for branch in self.branches if branch.first is not None]
        if len(layers) < 2 or not prefers_reformulation():
            return {}
        kernels = [layer.kernel[...].astype(maps.dtype) for layer in layers]
        products = convolve(maps, jnp.concatenate(kernels, axis=-1), padding="valid")
        ends = accumulate(kernel.shape[-1] for kernel in kernels)
        return dict(zip(layers, jnp.split(products, list(ends)[:-1], axis=-1), strict=True))


class Branch(nnx.Module):
    def __init__(self, in_channels: int, chain: Chain, *, layer: Callable[..., ConvNorm]):
        self.pool = chain.pool
        channels = in_channels
        layers: list[ConvNorm | Branches] = []
        for step in chain.steps:
            if isinstance(step, Conv):
                padding: Padding = "valid" if step.stride > 1 else "symmetric"
                layers.append(
                    layer(
                        channels, step.channels, kernel=step.kernel, stride=step.stride, padding=padding
                    )
                )
                channels = step.channels
            else:
                fork = Branches(channels, step, layer=layer)
                layers.append(fork)
                channels = fork.channels
        if self.pool not in (None, "max") and getattr(layers[0], "bias", None) is not None:
            raise ValueError("the 1x1 after an average has no bias here, since it is done before it")
        self.layers = nnx.List(layers)
        self.channels: int = channels

    @property
    def first(self) -> ConvNorm | None:
        """The 1x1 without a bias that sees the block's own maps, if the branch begins with one."""
        layer = self.layers[0] if len(self.layers) and self.pool != "max" else None
        if not isinstance(layer, ConvNorm) or layer.bias is not None or layer.stride > 1:
            return None
        return layer if layer.kernel[...].shape[:2] == (1, 1) else None

    def __call__(self, maps: Maps, products: Products | None = None) -> NewMaps:
        """`products` are what the `first` 1x1 answers to the maps, where they are there already."""
        layers = list(self.layers)
        if self.pool == "max":
            maps = max_pool(maps, window=3, stride=2)
        elif first := self.first:
            maps = first(maps, convolved=products, pool=self.average if self.pool else None)
            layers = layers[1:]
        for layer in layers:
            maps = layer(maps)
        return maps

    def average(self, maps: Maps) -> Maps:
        return average_pool(maps, window=3, include_padding=self.pool == "average with padding")
