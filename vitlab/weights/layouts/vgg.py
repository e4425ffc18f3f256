"""VGG 16 and 19, with and without batch norm, as torchvision, timm and Keras publish them."""

from itertools import accumulate

from vitlab.weights.layouts.changes import image_flat, transposed
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import (
    COUNTERS,
    keras_layer,
    torch_convolution,
    torch_norm,
)

GRID = 7
DEPTHS = {"16": (2, 2, 3, 3, 3), "19": (2, 2, 4, 4, 4)}


def _features(depths: tuple[int, ...], norm: bool) -> list[Rule]:
    """`features.N` counts convolutions, norms, ReLUs and poolings alike."""
    rules = []
    unit = 3 if norm else 2  # convolution, (norm,) ReLU
    firsts = [0, *accumulate(depth * unit + 1 for depth in depths)]
    for stage, (first, depth) in enumerate(zip(firsts, depths, strict=False)):
        for index in range(depth):
            number, ours = first + index * unit, f"backbone/stages/{stage}/{index}"
            rules += torch_convolution(rf"features\.{number}", ours)
            if norm:
                rules += torch_norm(rf"features\.{number + 1}", f"{ours}/norm")
    return rules


def _dense(names: tuple[str, str, str]) -> list[Rule]:
    """The two dense layers, the first behind 7 x 7 maps, and the head."""
    first, second, head = names
    return [
        Rule(rf"{first}\.weight", "backbone/dense/0/kernel", image_flat(GRID)),
        Rule(rf"{first}\.bias", "backbone/dense/0/bias"),
        Rule(rf"{second}\.weight", "backbone/dense/1/kernel", image_flat(1)),
        Rule(rf"{second}\.bias", "backbone/dense/1/bias"),
        Rule(rf"{head}\.weight", "head/kernel", transposed),
        Rule(rf"{head}\.bias", "head/bias"),
    ]


def _keras_rules() -> tuple[Rule, ...]:
    def place(stage: str, index: str) -> str:
        return f"backbone/stages/{int(stage) - 1}/{int(index) - 1}"

    return (
        *keras_layer(r"block(\d)_conv(\d)", place),
        *keras_layer("fc1", "backbone/dense/0"),
        *keras_layer("fc2", "backbone/dense/1"),
        *keras_layer("predictions", "head"),
    )


TORCHVISION = (r"classifier\.0", r"classifier\.3", r"classifier\.6")
TIMM = (r"pre_logits\.fc1", r"pre_logits\.fc2", r"head\.fc")

LAYOUTS = (
    *(
        Layout(
            f"{publisher}, VGG{name}{'_bn' if norm else ''}",
            (*_features(depths, norm), *_dense(names)),
            ignored=(COUNTERS,),
            options=options,
        )
        for publisher, names, options in (
            ("torchvision", TORCHVISION, {}),
            ("timm", TIMM, {"larger": "slide"}),
        )
        for name, depths in DEPTHS.items()
        for norm in (False, True)
    ),
    Layout("keras", _keras_rules(), options={"scheme": "caffe"}),
)
