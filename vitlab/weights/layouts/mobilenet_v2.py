"""MobileNetV2 as its publishers name its tensors, and with which details they trained it."""

from vitlab.weights.layouts.changes import depthwise_last, image_last, transposed
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import (
    COUNTERS,
    KERAS_DEPTHWISE,
    keras_layer,
    keras_norm,
    torch_conv_norm,
)

LAYERS = ("expand", "filter", "project")

EPSILON = 1e-3  # of batch norm, in TensorFlow-Slim and in Keras applications
TENSORFLOW = {"epsilon": EPSILON, "padding": "tensorflow"}
PYTORCH = {
    "epsilon": 1e-5,
    "momentum": 0.9,
    "unbiased": True,
    "padding": "symmetric",
    "scheme": "imagenet",
}


def _keras_rules() -> tuple[Rule, ...]:
    def block(theirs: str, ours: str) -> list[Rule]:
        return [
            *keras_layer(f"{theirs}_expand", f"{ours}/expand"),
            *keras_norm(f"{theirs}_expand_BN", f"{ours}/expand/norm"),
            *keras_layer(f"{theirs}_depthwise", f"{ours}/filter", KERAS_DEPTHWISE, depthwise_last),
            *keras_norm(f"{theirs}_depthwise_BN", f"{ours}/filter/norm"),
            *keras_layer(f"{theirs}_project", f"{ours}/project"),
            *keras_norm(f"{theirs}_project_BN", f"{ours}/project/norm"),
        ]

    return (
        *keras_layer("Conv1", "backbone/stem"),
        *keras_norm("bn_Conv1", "backbone/stem/norm"),
        *keras_layer("Conv_1", "backbone/last"),
        *keras_norm("Conv_1_bn", "backbone/last/norm"),
        *block("expanded_conv", "backbone/blocks/0"),
        *block(r"block_(\d+)", "backbone/blocks/{0}"),
        *keras_layer("(?:predictions|Logits)", "head"),
    )


def _slim_rules() -> tuple[Rule, ...]:
    """Batch norm is folded into the kernels; the biases that it left behind are its shifts."""

    def layer(theirs: str, ours: str) -> list[Rule]:
        return [
            Rule(rf"{theirs}\.weight", f"{ours}/kernel", image_last),
            Rule(rf"{theirs}\.bias", f"{ours}/norm/bias"),
        ]

    def block(theirs: str, ours: str) -> list[Rule]:
        names = ("expand_Conv2D", "depthwise_depthwise", "project_Conv2D")
        return [
            rule
            for name, our_layer in zip(names, LAYERS, strict=True)
            for rule in layer(f"{theirs}_{name}", f"{ours}/{our_layer}")
        ]

    logits = r"Logits_Conv2d_1c_1x1_Conv2D\."
    return (
        *layer("Conv_Conv2D", "backbone/stem"),
        *layer("Conv_1_Conv2D", "backbone/last"),
        *block("expanded_conv", "backbone/blocks/0"),
        *block(r"expanded_conv_(\d+)", "backbone/blocks/{0}"),
        Rule(logits + r"weight\w*", "head/kernel", lambda array: transposed(array[:, :, 0, 0])),
        Rule(logits + r"bias", "head/bias"),
    )


def _gluon_rules() -> tuple[Rule, ...]:
    variables = {
        "gamma": "scale",
        "beta": "bias",
        "running_mean": "mean",
        "running_var": "variance",
    }
    features = r"mobilenetv2\d+_features_"

    def layer(prefix: str, index: int, ours: str) -> list[Rule]:
        rules = [Rule(rf"{prefix}conv{index}_weight", f"{ours}/kernel", image_last)]
        rules += [
            Rule(rf"{prefix}batchnorm{index}_{variable}", f"{ours}/norm/{name}")
            for variable, name in variables.items()
        ]
        return rules

    block = features + r"linearbottleneck(\d+)_"
    return (
        *layer(features, 0, "backbone/stem"),
        *layer(features, 1, "backbone/last"),
        *(
            rule
            for index, name in enumerate(LAYERS)
            for rule in layer(block, index, f"backbone/blocks/{{0}}/{name}")
        ),
    )


def _torchvision_rules() -> tuple[Rule, ...]:
    """`features.N`: the stem, 17 blocks, the last layer. The first block has no expansion."""

    def block(name: str):
        return lambda number: f"backbone/blocks/{int(number) - 1}/{name}"

    first, later = r"features\.(1)\.conv\.", r"features\.([2-9]|1[0-7])\.conv\."
    return (
        *torch_conv_norm(r"features\.0\.0", r"features\.0\.1", "backbone/stem"),
        *torch_conv_norm(first + r"0\.0", first + r"0\.1", block("filter")),
        *torch_conv_norm(first + "1", first + "2", block("project")),
        *torch_conv_norm(later + r"0\.0", later + r"0\.1", block("expand")),
        *torch_conv_norm(later + r"1\.0", later + r"1\.1", block("filter")),
        *torch_conv_norm(later + "2", later + "3", block("project")),
        *torch_conv_norm(r"features\.18\.0", r"features\.18\.1", "backbone/last"),
        Rule(r"classifier\.1\.weight", "head/kernel", transposed),
        Rule(r"classifier\.1\.bias", "head/bias"),
    )


def _timm_rules() -> tuple[Rule, ...]:
    """`blocks.STAGE.REPEAT`; the only block of stage 0 has no expansion."""
    firsts = (0, 1, 3, 6, 10, 13, 16)  # the number of the first block of each stage

    def block(name: str):
        return lambda stage, repeat: f"backbone/blocks/{firsts[int(stage)] + int(repeat)}/{name}"

    first, later = r"blocks\.(0)\.(0)\.", r"blocks\.([1-6])\.([0-3])\."
    return (
        *torch_conv_norm("conv_stem", "bn1", "backbone/stem"),
        *torch_conv_norm(first + "conv_dw", first + "bn1", block("filter")),
        *torch_conv_norm(first + "conv_pw", first + "bn2", block("project")),
        *torch_conv_norm(later + "conv_pw", later + "bn1", block("expand")),
        *torch_conv_norm(later + "conv_dw", later + "bn2", block("filter")),
        *torch_conv_norm(later + "conv_pwl", later + "bn3", block("project")),
        *torch_conv_norm("conv_head", "bn2", "backbone/last"),
        Rule(r"classifier\.weight", "head/kernel", transposed),
        Rule(r"classifier\.bias", "head/bias"),
    )


def _huggingface_rules() -> tuple[Rule, ...]:
    """The first block is part of `conv_stem`; `layer.N` is the block after it. The files of base models
    leave out the prefix."""

    def layer(theirs: str, ours) -> list[Rule]:
        theirs = r"(?:mobilenet_v2\.)?" + theirs
        return torch_conv_norm(theirs + r"\.convolution", theirs + r"\.normalization", ours)

    def block(name: str):
        return lambda number: f"backbone/blocks/{int(number) + 1}/{name}"

    return (
        *layer(r"conv_stem\.first_conv", "backbone/stem"),
        *layer(r"conv_stem\.conv_3x3", "backbone/blocks/0/filter"),
        *layer(r"conv_stem\.reduce_1x1", "backbone/blocks/0/project"),
        *layer(r"layer\.(\d+)\.expand_1x1", block("expand")),
        *layer(r"layer\.(\d+)\.conv_3x3", block("filter")),
        *layer(r"layer\.(\d+)\.reduce_1x1", block("project")),
        *layer("conv_1x1", "backbone/last"),
        Rule(r"classifier\.weight", "head/kernel", transposed),
        Rule(r"classifier\.bias", "head/bias"),
    )


LAYOUTS = (
    Layout("torchvision", _torchvision_rules(), ignored=(COUNTERS,), options=PYTORCH),
    Layout("timm", _timm_rules(), ignored=(COUNTERS,), options=PYTORCH),
    Layout(
        "huggingface",
        _huggingface_rules(),
        ignored=(COUNTERS,),
        # Its momentum is TensorFlow's 0.997, which PyTorch takes for the share of the new.
        options={**TENSORFLOW, "momentum": 0.003, "unbiased": True},
    ),
    Layout(
        "keras",
        _keras_rules(),
        options={**TENSORFLOW, "momentum": 0.999, "unbiased": False},
    ),
    Layout(
        "tensorflow-slim, batch norm folded",
        _slim_rules(),
        supplied={
            r".*/norm/scale": 1.0,
            r".*/norm/mean": 0.0,
            r".*/norm/variance": 1.0 - EPSILON,
        },
        # `training_scope` has the momentum; TensorFlow's fused batch norm corrects the variance.
        options={**TENSORFLOW, "momentum": 0.997, "unbiased": True},
    ),
    Layout(
        "gluon",
        _gluon_rules(),
        options={**PYTORCH, "unbiased": False, "activation": "relu", "expand_always": True},
    ),
)
