"""ResNet v1 as torchvision, timm and Keras applications publish it."""

from vitlab.weights.layouts.changes import transposed
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import COUNTERS, keras_layer, keras_norm, torch_conv_norm

BASIC, BOTTLENECK = ("first", "second"), ("reduce", "filter", "expand")


def _torch_rules(names: tuple[str, ...]) -> tuple[Rule, ...]:
    """torchvision's names, which timm shares; `names` are those of our block's convolutions."""

    def place(name: str):
        return lambda stage, block: f"backbone/stages/{int(stage) - 1}/{block}/{name}"

    block = r"layer(\d)\.(\d+)\."
    return (
        *torch_conv_norm("conv1", "bn1", "backbone/stem"),
        *(
            rule
            for number, name in enumerate(names, 1)
            for rule in torch_conv_norm(f"{block}conv{number}", f"{block}bn{number}", place(name))
        ),
        *torch_conv_norm(rf"{block}downsample\.0", rf"{block}downsample\.1", place("shortcut")),
        Rule(r"fc\.weight", "head/kernel", transposed),
        Rule(r"fc\.bias", "head/bias"),
    )


def _keras_rules() -> tuple[Rule, ...]:
    """`conv2_block1` is the first block of the first stage."""

    def place(name: str):
        return lambda stage, block: f"backbone/stages/{int(stage) - 2}/{int(block) - 1}/{name}"

    block = r"conv([2-5])_block(\d+)_"
    return (
        *keras_layer("conv1_conv", "backbone/stem"),
        *keras_norm("conv1_bn", "backbone/stem/norm"),
        *(
            rule
            for number, name in enumerate(("shortcut", *BOTTLENECK))
            for rule in (
                *keras_layer(f"{block}{number}_conv", place(name)),
                *keras_norm(f"{block}{number}_bn", place(f"{name}/norm")),
            )
        ),
        *keras_layer("(?:predictions|probs)", "head"),
    )


LAYOUTS = (
    # The first of equals is taken, and bottlenecks have the names of basic blocks too.
    Layout("torchvision and timm, basic blocks", _torch_rules(BASIC), ignored=(COUNTERS,)),
    Layout("torchvision and timm, bottlenecks", _torch_rules(BOTTLENECK), ignored=(COUNTERS,)),
    Layout(
        "keras",
        _keras_rules(),
        options={
            "bias": True,
            "stride_in": "1x1",
            "epsilon": 1.001e-5,
            "momentum": 0.99,
            "unbiased": False,
            "scheme": "caffe",
        },
    ),
)
