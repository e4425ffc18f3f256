"""VGG (Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image
Recognition")."""

from functools import partial
from typing import Literal

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
from vitlab.models.layers import (
    ConvNorm,
    Convolution,
    Linear,
    Maps,
    NewMaps,
    adaptive_average_pool,
    convolve,
    max_pool,
)

CHANNELS = (64, 128, 256, 512, 512)  # of the five stages (table 1)
DENSE = 4096
SMALLEST = 32  # pixels per side that leave one position at the end
GRID = 7  # positions per side that the first dense layer sees: 224 halved five times


class VGG(Backbone):
    """Five stages of 3x3 convolutions, each ended by a pooling that halves the maps.

    `features` gives the maps of the last convolution, and `pool` does the rest: the last pooling,
    then two dense layers.

    Args:
        depths: convolutions per stage.
        normalised: batch normalisation after each convolution (torchvision's and timm's `_bn`).
        top: "dense", the published layers of 4096 units; "average", the mean of the maps, as Keras
            gives it without its top.
        larger: what the dense layers do with an image that leaves more than 7 x 7 positions: see
            their "average" over bins (torchvision), or "slide" over all windows (timm).
    """

    def __init__(
        self,
        *,
        depths: tuple[int, int, int, int, int],
        input_size: int = 224,
        normalised: bool = False,
        top: Literal["dense", "average"] = "dense",
        larger: Literal["average", "slide"] = "average",
        scheme: Scheme = "imagenet",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        few_enough(sum(depths), "convolutions")
        self.input_size = large_enough(input_size, SMALLEST)
        self.scheme = scheme
        self.dtype = dtype
        self.top = top
        self.larger = larger
        layer = partial(ConvNorm, activation=None) if normalised else Convolution
        channels, stages = 3, []
        for depth, width in zip(depths, CHANNELS, strict=True):
            stage = []
            for _ in range(depth):
                stage.append(layer(channels, width, kernel=3, bias=True, padding="symmetric", rngs=rngs))
                channels = width
            stages.append(nnx.List(stage))
        self.stages = nnx.List(stages)
        self.embedding_width = DENSE if top == "dense" else channels
        if top == "dense":
            first = WindowDense(channels, DENSE, rngs=rngs)
            he = nnx.initializers.he_normal()
            second = Linear(DENSE, DENSE, kernel_init=he, dtype=dtype, rngs=rngs)
            self.dense = nnx.List([first, second])

    def features(self, images: Images) -> NewMaps:
        maps = normalise(images, self.scheme, self.dtype)
        for index, stage in enumerate(self.stages):
            if index:
                maps = max_pool(maps, window=2, stride=2)
            for convolution in stage:
                maps = jax.nn.relu(convolution(maps))
        return maps

    def pool(self, features: Maps) -> Embedding:
        maps = max_pool(features, window=2, stride=2)
        if self.top == "average":
            return maps.mean(axis=(1, 2), dtype=jnp.float32)
        if self.larger == "average" or min(maps.shape[1:3]) < GRID:
            maps = adaptive_average_pool(maps, GRID)
        first, second = self.dense
        hidden = jax.nn.relu(second(jax.nn.relu(first(maps))))
        return hidden.mean(axis=(1, 2), dtype=jnp.float32)


class WindowDense(nnx.Module):
    """A dense layer of every window of 7 x 7 positions: a convolution without padding."""

    def __init__(self, in_channels: int, out_channels: int, *, rngs: nnx.Rngs):
        he = nnx.initializers.he_normal()
        self.kernel = nnx.Param(he(rngs.params(), (GRID * GRID * in_channels, out_channels)))
        self.bias = nnx.Param(jnp.zeros(out_channels))

    def __call__(self, maps: Maps) -> NewMaps:
        bias = self.bias[...].astype(maps.dtype)
        kernel = self.kernel[...].reshape(GRID, GRID, -1, len(bias)).astype(maps.dtype)
        return convolve(maps, kernel, padding="valid") + bias
