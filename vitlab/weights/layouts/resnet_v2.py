"""ResNet v2 as Keras applications publishes it."""

from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import keras_layer, keras_norm


def _rules() -> tuple[Rule, ...]:
    """`conv2_block1` is the first block of the first stage; `0` is its shortcut."""

    def place(name: str):
        return lambda stage, block: f"backbone/stages/{int(stage) - 2}/{int(block) - 1}/{name}"

    block = r"conv([2-5])_block(\d+)_"
    return (
        *keras_layer("conv1_conv", "backbone/stem"),
        *keras_norm(f"{block}preact_bn", place("norm")),
        *(
            rule
            for number, name in enumerate(("shortcut", "reduce", "filter", "expand"))
            for rule in keras_layer(f"{block}{number}_conv", place(name))
        ),
        *keras_norm(f"{block}1_bn", place("reduce/norm")),
        *keras_norm(f"{block}2_bn", place("filter/norm")),
        *keras_norm("post_bn", "backbone/norm"),
        *keras_layer("(?:predictions|probs)", "head"),
    )


LAYOUTS = (Layout("keras", _rules()),)
