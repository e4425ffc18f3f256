"""The rules of a layer, as PyTorch and as Keras name its tensors.

`theirs` is a pattern, `ours` a path or, where the publisher counts its layers in another way, a
function of the pattern's groups that gives one.
"""

from collections.abc import Callable

from vitlab.weights.layouts.changes import Change, image_last, part, transposed, unchanged
from vitlab.weights.layouts.layout import Rule

Place = str | Callable[..., str | None]

KERAS_COUNTED = {  # layers without a name of their own: those of Keras 2, and of Keras 1
    "conv(?:olution)?2d": "conv2d",
    "batch_?normalization": "batch_normalization",
}
KERAS_DEPTHWISE = "(?:depthwise_)?kernel"  # Keras 3 leaves out which it is
COUNTERS = r".*\.num_batches_tracked"  # of PyTorch's batch norm; inference does not need them

_TORCH_NORM = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "variance"}
_KERAS_NORM = {
    "gamma": "scale",
    "beta": "bias",
    "moving_mean": "mean",
    "moving_variance": "variance",
}

# What Keras 1 called them; `running_std` has always held a variance.
_KERAS_1 = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}


def torch_convolution(theirs: str, ours: Place) -> list[Rule]:
    """`theirs.weight`, and `theirs.bias` where there is one."""
    return [
        Rule(rf"{theirs}\.weight", below(ours, "kernel"), image_last),
        Rule(rf"{theirs}\.bias", below(ours, "bias")),
    ]


def torch_norm(theirs: str, ours: Place) -> list[Rule]:
    return [Rule(rf"{theirs}\.{variable}", below(ours, name)) for variable, name in _TORCH_NORM.items()]


def torch_conv_norm(convolution: str, norm: str, ours: Place) -> list[Rule]:
    """A `ConvNorm` of ours."""
    return torch_convolution(convolution, ours) + torch_norm(norm, below(ours, "norm"))


def torch_linear(theirs: str, ours: str) -> list[Rule]:
    return [
        Rule(rf"{theirs}\.weight", f"{ours}/kernel", transposed),
        Rule(rf"{theirs}\.bias", f"{ours}/bias"),
    ]


def torch_layer_norm(theirs: str, ours: str) -> list[Rule]:
    return [Rule(rf"{theirs}\.weight", f"{ours}/scale"), Rule(rf"{theirs}\.bias", f"{ours}/bias")]


def torch_joined_attention(theirs: str, ours: str) -> list[Rule]:
    """Query, key and value, published as one `weight` and one `bias` behind `theirs`."""
    rules = []
    for index, name in enumerate(("query", "key", "value")):
        rules.append(Rule(theirs + "weight", f"{ours}/{name}/kernel", part(index, 3, transposed)))
        rules.append(Rule(theirs + "bias", f"{ours}/{name}/bias", part(index, 3)))
    return rules


def keras_layer(
    theirs: str, ours: Place, kernel: str = "kernel", change: Change = unchanged
) -> list[Rule]:
    """A convolution or a dense layer."""
    return [
        Rule(keras_variable(theirs, kernel), below(ours, "kernel"), change),
        Rule(keras_variable(theirs, "bias"), below(ours, "bias")),
    ]


def keras_norm(theirs: str, ours: Place) -> list[Rule]:
    return [
        Rule(keras_variable(theirs, variable), below(ours, name))
        for variable, name in _KERAS_NORM.items()
    ]


def keras_counted(places: tuple[str, ...]) -> list[Rule]:
    """Convolutions without a name and the norms behind them: `places` in the order of creation.

    The layout has to say `counted=KERAS_COUNTED`.
    """

    def place(number: str) -> str | None:
        return places[int(number)] if int(number) < len(places) else None

    return [
        *keras_layer(r"conv2d_(\d+)", place),
        *keras_norm(r"batch_normalization_(\d+)", below(place, "norm")),
    ]


def keras_variable(layer: str, name: str) -> str:
    """A variable lies under its layer's name, as each version of Keras writes it.

    `fc1/fc1/kernel:0`, where Keras 3 leaves out the `:0` and Keras 1 wrote `fc1/fc1_W_1:0`.
    """
    return rf"{layer}/(?:.+/{name}|[^/]+_{_KERAS_1.get(name, name)}(?:_\d+)?)(?::0)?"


def below(ours: Place, name: str) -> Place:
    if isinstance(ours, str):
        return f"{ours}/{name}"

    def place(*groups: str) -> str | None:
        path = ours(*groups)
        return None if path is None else f"{path}/{name}"

    return place
