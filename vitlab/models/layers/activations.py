"""Activations that JAX has not under the meaning that the published weights want."""

from collections.abc import Callable
from typing import Literal

import jax
from jaxtyping import Array, Float

Activation = Callable[[Array], Array]
Values = Float[Array, "*shape"]


def gelu(values: Values) -> Values:
    """Exact, as published; `jax.nn.gelu` approximates by tanh unless told otherwise."""
    return jax.nn.gelu(values, approximate=False)


def quick_gelu(values: Values) -> Values:
    """GELU's approximation by a sigmoid; the results differ in the second decimal."""
    return values * jax.nn.sigmoid(1.702 * values)


# Of an MLP: OpenAI and the authors of CvT trained with the approximation.
ActivationName = Literal["quick_gelu", "gelu"]
MLP_ACTIVATIONS: dict[ActivationName, Activation] = {"quick_gelu": quick_gelu, "gelu": gelu}
