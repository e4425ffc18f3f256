"""MobileNetV2 as Keras applications, TensorFlow-Slim (folded) and MXNet's Gluon publish it."""

from vitlab.weights.layouts.changes import depthwise_last, image_last, transposed
from vitlab.weights.layouts.layout import Layout, Rule

LAYERS = ("expand", "filter", "project")


def _keras_rules() -> tuple[Rule, ...]:
    """A variable is filed under its layer's name twice: `Conv1/Conv1/kernel:0`."""
    variables = {
        "gamma": "scale",
        "beta": "bias",
        "moving_mean": "mean",
        "moving_variance": "variance",
    }

    def layer(theirs: str, norm: str, ours: str, depthwise: bool = False) -> list[Rule]:
        kernel, change = (
            ("depthwise_kernel", depthwise_last) if depthwise else ("kernel", lambda array: array)
        )
        rules = [Rule(rf"{theirs}/.+/{kernel}:0", f"{ours}/kernel", change)]
        rules += [
            Rule(rf"{norm}/.+/{variable}:0", f"{ours}/norm/{name}")
            for variable, name in variables.items()
        ]
        return rules

    def block(theirs: str, ours: str) -> list[Rule]:
        return [
            rule
            for their_layer, our_layer in zip(("expand", "depthwise", "project"), LAYERS, strict=True)
            for rule in layer(
                f"{theirs}_{their_layer}",
                f"{theirs}_{their_layer}_BN",
                f"{ours}/{our_layer}",
                depthwise=their_layer == "depthwise",
            )
        ]

    return (
        *layer("Conv1", "bn_Conv1", "backbone/stem"),
        *layer("Conv_1", "Conv_1_bn", "backbone/last"),
        *block("expanded_conv", "backbone/blocks/0"),
        *block(r"block_(\d+)", "backbone/blocks/{0}"),
        Rule(r"(?:predictions|Logits)/.+/(kernel|bias):0", "head/{0}"),
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


EPSILON = 1e-3  # of batch norm, in TensorFlow-Slim and in Keras applications

LAYOUTS = (
    Layout("keras", _keras_rules(), options={"epsilon": EPSILON, "padding": "tensorflow"}),
    Layout(
        "tensorflow-slim, batch norm folded",
        _slim_rules(),
        supplied={
            r".*/norm/scale": 1.0,
            r".*/norm/mean": 0.0,
            r".*/norm/variance": 1.0 - EPSILON,
        },
        options={"epsilon": EPSILON, "padding": "tensorflow"},
    ),
    Layout(
        "gluon",
        _gluon_rules(),
        options={
            "epsilon": 1e-5,
            "padding": "symmetric",
            "activation": "relu",
            "expand_always": True,
            "scheme": "imagenet",
        },
    ),
)
