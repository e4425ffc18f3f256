"""The unit that most convolutional networks are made of."""

from collections.abc import Callable

from flax import nnx
from jaxtyping import Array, Float

from vitlab.models.layers.convolution import Padding, convolve
from vitlab.models.layers.normalization import BatchNorm

Activation = Callable[[Array], Array]


class ConvNorm(nnx.Module):
    """Convolution, batch normalisation, activation; with a bias of the convolution only if asked.

    The bias is superfluous before a normalisation, but Keras's ResNet has it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
        activation: Activation | None,
        padding: Padding,
        epsilon: float,
        momentum: float,
        rngs: nnx.Rngs,
    ):
        shape = (kernel, kernel, in_channels // groups, out_channels)
        self.kernel = nnx.Param(nnx.initializers.he_normal()(rngs.params(), shape))
        self.bias = nnx.Param(nnx.initializers.zeros(rngs.params(), (out_channels,))) if bias else None
        self.norm = BatchNorm(out_channels, epsilon=epsilon, momentum=momentum)
        self.activation = activation
        self.stride = stride
        self.groups = groups
        self.padding: Padding = padding

    def __call__(
        self, maps: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch rows columns out_channels"]:
        kernel = self.kernel[...].astype(maps.dtype)
        maps = convolve(maps, kernel, stride=self.stride, padding=self.padding, groups=self.groups)
        if self.bias is not None:
            maps = maps + self.bias[...].astype(maps.dtype)
        maps = self.norm(maps)
        return self.activation(maps) if self.activation else maps
