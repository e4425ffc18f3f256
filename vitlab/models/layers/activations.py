"""Activations that JAX has not under the meaning that the published weights want."""

import math
from collections.abc import Callable
from typing import Literal

import jax
from jaxtyping import Array, Float

Activation = Callable[[Array], Array]
Values = Float[Array, "*shape"]


def gelu(values: Values) -> Values:
    """Exact, as published, and computed from `erf` as PyTorch does; `jax.nn.gelu` approximates by tanh
    unless told otherwise, and then goes by `erfc`, which takes four times as long on CPU."""
    half = values / 2
    return half + half * jax.lax.erf(values * math.sqrt(0.5))


def quick_gelu(values: Values) -> Values:
    """GELU's approximation by a sigmoid; the results differ in the second decimal."""
    return values * jax.nn.sigmoid(1.702 * values)


# Of an MLP: OpenAI and the authors of CvT trained with the approximation.
ActivationName = Literal["quick_gelu", "gelu"]
MLP_ACTIVATIONS: dict[ActivationName, Activation] = {"quick_gelu": quick_gelu, "gelu": gelu}
