"""Xception as timm (`legacy_xception`) and Keras applications publish it."""

from vitlab.weights.layouts.changes import depthwise_last, image_last, transposed
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import (
    COUNTERS,
    KERAS_COUNTED,
    Place,
    below,
    keras_counted,
    keras_layer,
    keras_norm,
    keras_variable,
    torch_conv_norm,
    torch_norm,
)

SHORTCUTS = tuple(f"backbone/blocks/{block}/shortcut" for block in (0, 1, 2, 11))


def _timm_rules() -> tuple[Rule, ...]:
    """`block3.rep.N` counts ReLU, convolution and norm alike; the first block has no first ReLU."""

    def separable(convolution: str, norm: str, ours: Place) -> list[Rule]:
        return [
            Rule(rf"{convolution}\.conv1\.weight", below(ours, "depthwise/kernel"), image_last),
            Rule(rf"{convolution}\.pointwise\.weight", below(ours, "pointwise/kernel"), image_last),
            *torch_norm(norm, below(ours, "pointwise/norm")),
        ]

    def layer(first: int):
        return lambda block, step: f"backbone/blocks/{int(block) - 1}/layers/{(int(step) - first) // 3}"

    first, later = r"block(1)\.rep\.([0134])", r"block([2-9]|1[0-2])\.rep\.(\d)"
    return (
        *torch_conv_norm("conv1", "bn1", "backbone/stem/0"),
        *torch_conv_norm("conv2", "bn2", "backbone/stem/1"),
        *separable(first, first, layer(0)),
        *separable(later, later, layer(1)),
        *torch_conv_norm(
            r"block(\d+)\.skip",
            r"block(\d+)\.skipbn",
            lambda block: f"backbone/blocks/{int(block) - 1}/shortcut",
        ),
        *separable("conv3", "bn3", "backbone/last/0"),
        *separable("conv4", "bn4", "backbone/last/1"),
        Rule(r"fc\.weight", "head/kernel", transposed),
        Rule(r"fc\.bias", "head/bias"),
    )


def _keras_rules() -> tuple[Rule, ...]:
    """`block1` is the stem, `block2` the first block and `block14` what follows the last."""

    def stem(index: str) -> str:
        return f"backbone/stem/{int(index) - 1}"

    def separable(block: str, index: str) -> str:
        if block == "14":
            return f"backbone/last/{int(index) - 1}"
        return f"backbone/blocks/{int(block) - 2}/layers/{int(index) - 1}"

    name = r"block(\d+)_sepconv(\d)"
    return (
        *keras_layer(r"block1_conv(\d)", stem),
        *keras_norm(r"block1_conv(\d)_bn", below(stem, "norm")),
        Rule(
            keras_variable(name, "depthwise_kernel"),
            below(separable, "depthwise/kernel"),
            depthwise_last,
        ),
        Rule(keras_variable(name, "pointwise_kernel"), below(separable, "pointwise/kernel")),
        *keras_norm(f"{name}_bn", below(separable, "pointwise/norm")),
        *keras_counted(SHORTCUTS),
        *keras_layer("predictions", "head"),
    )


LAYOUTS = (
    Layout(
        "timm",
        _timm_rules(),
        ignored=(COUNTERS,),
        options={"padding": "symmetric", "epsilon": 1e-5, "momentum": 0.9, "unbiased": True},
    ),
    Layout("keras", _keras_rules(), counted=KERAS_COUNTED),
)
