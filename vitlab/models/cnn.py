"""Plain convolutional networks, of any number of layers: what a first study builds by hand."""

import math
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float

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
    BatchNorm,
    Convolution,
    Dropout,
    Linear,
    Maps,
    NewMaps,
    NormSettings,
    Padding,
    max_pool,
)
from vitlab.typed import Share

Vectors = Float[Array, "batch features"]

DENSE_ACTIVATIONS = {
    "relu": jax.nn.relu,
    "leaky_relu": lambda values: jax.nn.leaky_relu(values, 0.3),  # the slope of Keras's LeakyReLU
}
NORM = NormSettings(epsilon=1e-3, momentum=0.99, unbiased=False)  # Keras's


class CNN(Backbone):
    """Convolutions with ReLU, then dense layers; the last of them is the embedding.

    `features` gives the maps of the last convolution, and `pool` does the rest.

    Args:
        stages: the filters of every convolution; the maps are halved by pooling between stages:
            ((64, 64), (128,)) has three convolutions, and a pooling after the second.
        input_size: pixels per side. With `top` "flatten" the network is bound to it.
        top: make the maps a vector by "average" over the positions, or "flatten" them.
        dense: units of the dense layers.
        dropout: rate before each dense layer and, last, before the head; none if empty.
        normalised: batch normalisation of each dense layer's input, and of the head's.
        activation: of the dense layers.
        padding: of the convolutions.
    """

    def __init__(
        self,
        *,
        stages: tuple[tuple[int, ...], ...],
        input_size: int = 224,
        kernel: int = 3,
        top: Literal["average", "flatten"] = "average",
        dense: tuple[int, ...] = (),
        dropout: tuple[Share, ...] = (),
        normalised: bool = False,
        activation: Literal["relu", "leaky_relu"] = "relu",
        padding: Padding = "valid",
        scheme: Scheme = "unit",
        dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ):
        if not stages or not all(stages):
            raise ValueError(f"stages {stages} must each have a convolution")
        few_enough(sum(map(len, stages)) + len(dense), "convolutions and dense layers")
        if dropout and len(dropout) != len(dense) + 1:
            raise ValueError(
                f"dropout {dropout} must have a rate for each of the {len(dense)} dense layers "
                "and one for the head"
            )
        self.input_size = large_enough(input_size, _smallest(stages, kernel, padding))
        self.scheme = scheme
        self.dtype = dtype
        self.top = top
        self.activation = DENSE_ACTIVATIONS[activation]
        self.stages = _stages(stages, kernel, padding, rngs)
        width = self._width_of_maps(stages[-1][-1])
        widths = [width, *dense]
        he = nnx.initializers.he_normal()
        self.dense = nnx.List(
            Linear(inputs, units, kernel_init=he, dtype=dtype, rngs=rngs)
            for inputs, units in zip(widths, dense, strict=False)
        )
        self.norms = nnx.List(BatchNorm(width, NORM) for width in widths if normalised)
        self.dropouts = nnx.List(Dropout(rate) for rate in dropout)
        self.embedding_width = widths[-1]

    def features(self, images: Images) -> NewMaps:
        maps = normalise(images, self.scheme, self.dtype)
        for index, stage in enumerate(self.stages):
            if index:
                maps = max_pool(maps, window=2, stride=2)
            for convolution in stage:
                maps = jax.nn.relu(convolution(maps))
        return maps

    def pool(self, features: Maps) -> Embedding:
        if self.top == "average":
            vectors = features.mean(axis=(1, 2), dtype=jnp.float32).astype(features.dtype)
        else:
            vectors = features.reshape(len(features), -1)
        vectors = self._prepared(vectors, 0)
        for index, dense in enumerate(self.dense, start=1):
            vectors = self._prepared(self.activation(dense(vectors)), index)
        return vectors.astype(jnp.float32)

    def _prepared(self, vectors: Vectors, index: int) -> Vectors:
        """As the dense layer of this index sees them; after the last of them, the head."""
        vectors = self.norms[index](vectors) if self.norms else vectors
        return self.dropouts[index](vectors) if self.dropouts else vectors

    def _width_of_maps(self, channels: int) -> int:
        if self.top == "average":
            return channels
        shape = (1, self.input_size, self.input_size, 3)
        maps = jax.eval_shape(self.features, jax.ShapeDtypeStruct(shape, jnp.uint8))
        return math.prod(maps.shape)


def _smallest(stages: tuple[tuple[int, ...], ...], kernel: int, padding: Padding) -> int:
    """Pixels per side that leave one position at the end."""
    kept = {"valid": 0, "tensorflow": kernel - 1, "symmetric": 2 * (kernel // 2)}[padding]
    lost, left = kernel - 1 - kept, 1  # an even kernel between symmetric zeros adds a position
    for index, stage in enumerate(reversed(stages)):
        left = max((2 * left if index else left) + lost * len(stage), 1)
    return left


def _stages(
    stages: tuple[tuple[int, ...], ...], kernel: int, padding: Padding, rngs: nnx.Rngs
) -> nnx.List:
    channels, built = 3, []
    for stage in stages:
        convolutions = []
        for filters in stage:
            convolutions.append(
                Convolution(channels, filters, kernel=kernel, bias=True, padding=padding, rngs=rngs)
            )
            channels = filters
        built.append(nnx.List(convolutions))
    return nnx.List(built)
