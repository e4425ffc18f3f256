"""EfficientNet as torchvision, timm and Keras applications publish it."""

from vitlab.weights.layouts.changes import depthwise_last, transposed
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import (
    COUNTERS,
    KERAS_DEPTHWISE,
    keras_layer,
    keras_norm,
    torch_conv_norm,
    torch_convolution,
)


def _torchvision_rules() -> tuple[Rule, ...]:
    """`features.N`: the stem, seven stages, the last layer. The first stage has no expansion."""

    def block(name: str):
        return lambda stage, repeat: f"backbone/stages/{int(stage) - 1}/{repeat}/{name}"

    def layer(theirs: str, ours) -> list[Rule]:
        return torch_conv_norm(rf"{theirs}\.0", rf"{theirs}\.1", ours)

    first, later = r"features\.(1)\.(\d+)\.block\.", r"features\.([2-7])\.(\d+)\.block\."
    return (
        *layer(r"features\.0", "backbone/stem"),
        *layer(f"{first}0", block("filter")),
        *torch_convolution(rf"{first}1\.fc1", block("excite/reduce")),
        *torch_convolution(rf"{first}1\.fc2", block("excite/expand")),
        *layer(f"{first}2", block("project")),
        *layer(f"{later}0", block("expand")),
        *layer(f"{later}1", block("filter")),
        *torch_convolution(rf"{later}2\.fc1", block("excite/reduce")),
        *torch_convolution(rf"{later}2\.fc2", block("excite/expand")),
        *layer(f"{later}3", block("project")),
        *layer(r"features\.8", "backbone/last"),
        Rule(r"classifier\.1\.weight", "head/kernel", transposed),
        Rule(r"classifier\.1\.bias", "head/bias"),
    )


def _timm_rules() -> tuple[Rule, ...]:
    """`blocks.STAGE.REPEAT`; the blocks of stage 0 have no expansion."""

    def block(name: str) -> str:
        return f"backbone/stages/{{0}}/{{1}}/{name}"

    first, later, every = r"blocks\.(0)\.(\d+)\.", r"blocks\.([1-6])\.(\d+)\.", r"blocks\.(\d)\.(\d+)\."
    return (
        *torch_conv_norm("conv_stem", "bn1", "backbone/stem"),
        *torch_conv_norm(f"{first}conv_dw", f"{first}bn1", block("filter")),
        *torch_conv_norm(f"{first}conv_pw", f"{first}bn2", block("project")),
        *torch_conv_norm(f"{later}conv_pw", f"{later}bn1", block("expand")),
        *torch_conv_norm(f"{later}conv_dw", f"{later}bn2", block("filter")),
        *torch_conv_norm(f"{later}conv_pwl", f"{later}bn3", block("project")),
        *torch_convolution(rf"{every}se\.conv_reduce", block("excite/reduce")),
        *torch_convolution(rf"{every}se\.conv_expand", block("excite/expand")),
        *torch_conv_norm("conv_head", "bn2", "backbone/last"),
        Rule(r"classifier\.weight", "head/kernel", transposed),
        Rule(r"classifier\.bias", "head/bias"),
    )


def _keras_rules() -> tuple[Rule, ...]:
    """`block3b` is the second block of the third stage."""

    def block(name: str):
        return lambda stage, letter: f"backbone/stages/{int(stage) - 1}/{ord(letter) - ord('a')}/{name}"

    theirs = r"block(\d)([a-z])_"
    return (
        *keras_layer("stem_conv", "backbone/stem"),
        *keras_norm("stem_bn", "backbone/stem/norm"),
        *keras_layer(f"{theirs}expand_conv", block("expand")),
        *keras_norm(f"{theirs}expand_bn", block("expand/norm")),
        *keras_layer(f"{theirs}dwconv", block("filter"), KERAS_DEPTHWISE, depthwise_last),
        *keras_norm(f"{theirs}bn", block("filter/norm")),
        *keras_layer(f"{theirs}se_reduce", block("excite/reduce")),
        *keras_layer(f"{theirs}se_expand", block("excite/expand")),
        *keras_layer(f"{theirs}project_conv", block("project")),
        *keras_norm(f"{theirs}project_bn", block("project/norm")),
        *keras_layer("top_conv", "backbone/last"),
        *keras_norm("top_bn", "backbone/last/norm"),
        *keras_layer("predictions", "head"),
    )


# Keras's network begins with a normalisation by these, and a division by the root of the deviation
# behind it: what is stored as the variance is the deviation, so both together are ours.
_NORMALISATION = r"normalization(?:_\d+)?/.+/"

LAYOUTS = (
    Layout("torchvision", _torchvision_rules(), ignored=(COUNTERS,)),
    Layout("timm", _timm_rules(), ignored=(COUNTERS,)),
    Layout(
        "keras",
        _keras_rules(),
        ignored=(f"{_NORMALISATION}count(?::0)?",),
        constant={
            f"{_NORMALISATION}mean(?::0)?": (0.485, 0.456, 0.406),
            f"{_NORMALISATION}variance(?::0)?": (0.229, 0.224, 0.225),
        },
        options={"padding": "tensorflow", "epsilon": 1e-3, "momentum": 0.99, "unbiased": False},
    ),
)
