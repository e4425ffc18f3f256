"""The units that most convolutional networks are made of."""

from collections.abc import Callable

from flax import nnx

from vitlab.models.layers.activations import Activation
from vitlab.models.layers.convolution import Padding, convolve
from vitlab.models.layers.normalization import PYTORCH, BatchNorm, NormSettings
from vitlab.models.layers.shapes import Maps, NewMaps


class Convolution(nnx.Module):
    """A kernel, square or rows x columns, and a bias if asked."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int | tuple[int, int],
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
        padding: Padding | int,
        rngs: nnx.Rngs,
    ):
        extents = (kernel, kernel) if isinstance(kernel, int) else kernel
        shape = (*extents, in_channels // groups, out_channels)
        self.kernel = nnx.Param(nnx.initializers.he_normal()(rngs.params(), shape))
        self.bias = nnx.Param(nnx.initializers.zeros(rngs.params(), (out_channels,))) if bias else None
        self.stride = stride
        self.groups = groups
        self.padding: Padding | int = padding

    def __call__(self, maps: Maps) -> NewMaps:
        kernel = self.kernel[...].astype(maps.dtype)
        maps = convolve(maps, kernel, stride=self.stride, padding=self.padding, groups=self.groups)
        return maps if self.bias is None else maps + self.bias[...].astype(maps.dtype)


class ConvNorm(Convolution):
    """Convolution, batch normalisation, activation.

    A bias is superfluous before a normalisation, but Keras's ResNet and VGG with batch norm have it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        activation: Activation | None,
        norm: NormSettings = PYTORCH,
        kernel: int | tuple[int, int],
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
        padding: Padding | int,
        rngs: nnx.Rngs,
    ):
        super().__init__(
            in_channels,
            out_channels,
            kernel=kernel,
            stride=stride,
            groups=groups,
            bias=bias,
            padding=padding,
            rngs=rngs,
        )
        self.norm = BatchNorm(out_channels, norm)
        self.activation = activation

    def __call__(
        self,
        maps: Maps,
        *,
        convolved: NewMaps | None = None,
        pool: Callable[[NewMaps], NewMaps] | None = None,
    ) -> NewMaps:
        """`convolved` is what the convolution answers to the maps, where that is there already; `pool`
        is what to do with it before it is normalised."""
        maps = super().__call__(maps) if convolved is None else convolved
        maps = self.norm(pool(maps) if pool else maps)
        return self.activation(maps) if self.activation else maps
