"""Batch normalisation (Ioffe and Szegedy 2015), with a gradient that XLA's CPU backend runs well."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

from vitlab.models.layers.backend import prefers_reformulation

Values = Float[Array, "batch *positions channels"]  # maps, or vectors, which have no positions
Channels = Float[Array, "channels"]
Normalised = tuple[Values, Channels, Channels]  # with the mean and the variance
Residuals = tuple[Values, Channels, Channels, Channels]  # values, scale, mean, inverse deviation


@dataclass(frozen=True)
class NormSettings:
    """How a publisher's batch norm computes; the defaults are PyTorch's.

    The stored statistics keep the share `momentum` at each step (Keras's and Flax's meaning of the
    word; PyTorch's is one minus it). What the stored variance moves to is the batch's, or where it is
    `unbiased` the estimate of that of all images, n / (n - 1) times as large (PyTorch's; Keras's is
    not).
    """

    epsilon: float = 1e-5
    momentum: float = 0.9
    unbiased: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum {self.momentum} of batch norm must be at least 0 and below 1")


PYTORCH = NormSettings()


class BatchNorm(nnx.Module):
    """Normalises each channel over batch and positions, then scales and shifts it.

    `use_running_average`, which `nnx.Module.train()` and `.eval()` set, chooses between the stored
    statistics and the batch's own. The latter also move the stored ones.
    """

    def __init__(self, channels: int, settings: NormSettings):
        self.scale = nnx.Param(jnp.ones(channels))
        self.bias = nnx.Param(jnp.zeros(channels))
        self.mean = nnx.BatchStat(jnp.zeros(channels))
        self.variance = nnx.BatchStat(jnp.ones(channels))
        self.settings = settings
        self.use_running_average = True

    def __call__(self, values: Values) -> Values:
        scale, bias = self.scale[...], self.bias[...]
        if self.use_running_average:
            factor = scale * lax.rsqrt(self.variance[...] + self.settings.epsilon)
            offset = bias - self.mean[...] * factor
            return values * factor.astype(values.dtype) + offset.astype(values.dtype)
        normalised, mean, variance = _normalise_by_batch(values, scale, bias, self.settings.epsilon)
        # `self.mean[...] =` would ask the value for its sharding, which takes long where it is traced.
        self.mean.set_value(self._moved(self.mean[...], mean))
        if self.settings.unbiased:
            count = values.size // values.shape[-1]
            variance = variance * (count / max(count - 1, 1))
        self.variance.set_value(self._moved(self.variance[...], variance))
        return normalised

    def _moved(self, stored: Channels, observed: Channels) -> Channels:
        momentum = self.settings.momentum
        return momentum * stored + (1 - momentum) * lax.stop_gradient(observed)


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _normalise_by_batch(values: Values, scale: Channels, bias: Channels, epsilon: float) -> Normalised:
    """The normalised values, and the mean and (biased) variance of each channel in float32.

    The gradient is the closed form in two sums over the batch; it takes the mean and the variance
    as outputs that nothing differentiates.
    """
    outputs, _ = _normalise_forward(values, scale, bias, epsilon)
    return outputs


def _normalise_forward(
    values: Values, scale: Channels, bias: Channels, epsilon: float
) -> tuple[Normalised, Residuals]:
    values = _materialised(values)
    count = values.size // values.shape[-1]
    exact = values.astype(jnp.float32)
    mean = _over_positions(exact) / count
    # The mean of squares, less the square of the mean, would lose the digits that these have in common.
    centred = exact - mean
    variance = _over_positions(centred * centred) / count
    inverse = lax.rsqrt(variance + epsilon)
    normalised = (centred * (inverse * scale) + bias).astype(values.dtype)
    return (normalised, mean, variance), (values, scale, mean, inverse)


def _normalise_backward(
    epsilon: float, residuals: Residuals, gradients: Normalised
) -> tuple[Values, Channels, Channels]:
    del epsilon
    values, scale, mean, inverse = residuals
    gradient = _materialised(gradients[0])
    count = values.size // values.shape[-1]
    centred, slope = values.astype(jnp.float32) - mean, gradient.astype(jnp.float32)
    bias_gradient = _over_positions(slope)
    scale_gradient = _over_positions(slope * centred) * inverse
    by_gradient = scale * inverse
    by_centred = by_gradient * inverse * scale_gradient / count
    constant = by_gradient * bias_gradient / count
    value_gradient = (by_gradient * slope - by_centred * centred - constant).astype(values.dtype)
    return _materialised(value_gradient), scale_gradient, bias_gradient


_normalise_by_batch.defvjp(_normalise_forward, _normalise_backward)


def _over_positions(array: Values) -> Channels:
    return array.sum(tuple(range(array.ndim - 1)))


def _materialised(array: Values) -> Values:
    """On CPU, keeps XLA from fusing (and so repeating) what computes `array` into both sums."""
    return lax.optimization_barrier(array) if prefers_reformulation() else array
