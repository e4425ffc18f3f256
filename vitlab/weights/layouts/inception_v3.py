"""Inception v3 as torchvision, timm and Keras applications publish it."""

from vitlab.weights.layouts.changes import transposed
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import (
    COUNTERS,
    KERAS_COUNTED,
    keras_counted,
    keras_layer,
    torch_conv_norm,
)

STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")

# PyTorch's names of a block's convolutions by their places in ours, in the order of creation.
_SMALL = {
    "branch1x1": "0/layers/0",
    "branch5x5_1": "1/layers/0",
    "branch5x5_2": "1/layers/1",
    "branch3x3dbl_1": "2/layers/0",
    "branch3x3dbl_2": "2/layers/1",
    "branch3x3dbl_3": "2/layers/2",
    "branch_pool": "3/layers/0",
}
_TO_17 = {
    "branch3x3": "0/layers/0",
    "branch3x3dbl_1": "1/layers/0",
    "branch3x3dbl_2": "1/layers/1",
    "branch3x3dbl_3": "1/layers/2",
}
_FACTORISED = {
    "branch1x1": "0/layers/0",
    **{f"branch7x7_{step + 1}": f"1/layers/{step}" for step in range(3)},
    **{f"branch7x7dbl_{step + 1}": f"2/layers/{step}" for step in range(5)},
    "branch_pool": "3/layers/0",
}
_TO_8 = {
    "branch3x3_1": "0/layers/0",
    "branch3x3_2": "0/layers/1",
    **{f"branch7x7x3_{step + 1}": f"1/layers/{step}" for step in range(4)},
}
_WIDE = {
    "branch1x1": "0/layers/0",
    "branch3x3_1": "1/layers/0",
    "branch3x3_2a": "1/layers/1/branches/0/layers/0",
    "branch3x3_2b": "1/layers/1/branches/1/layers/0",
    "branch3x3dbl_1": "2/layers/0",
    "branch3x3dbl_2": "2/layers/1",
    "branch3x3dbl_3a": "2/layers/2/branches/0/layers/0",
    "branch3x3dbl_3b": "2/layers/2/branches/1/layers/0",
    "branch_pool": "3/layers/0",
}
BLOCKS = {
    **{f"Mixed_5{letter}": _SMALL for letter in "bcd"},
    "Mixed_6a": _TO_17,
    **{f"Mixed_6{letter}": _FACTORISED for letter in "bcde"},
    "Mixed_7a": _TO_8,
    **{f"Mixed_7{letter}": _WIDE for letter in "bc"},
}

# The path of every convolution by PyTorch's name.
PLACES = {name: f"backbone/stem/layers/{index}" for index, name in enumerate(STEM)} | {
    f"{block}.{name}": f"backbone/blocks/{index}/branches/{place}"
    for index, (block, places) in enumerate(BLOCKS.items())
    for name, place in places.items()
}


def _torch_rules() -> tuple[Rule, ...]:
    """torchvision's names, which timm shares."""
    layer = r"((?:Conv2d|Mixed)_\w+(?:\.branch\w+)?)\."
    return (
        *torch_conv_norm(f"{layer}conv", f"{layer}bn", PLACES.get),
        Rule(r"fc\.weight", "head/kernel", transposed),
        Rule(r"fc\.bias", "head/bias"),
    )


LAYOUTS = (
    Layout(
        "torchvision and timm",
        _torch_rules(),
        ignored=(COUNTERS, r"AuxLogits\..*"),
        options={"include_padding": True, "momentum": 0.9, "unbiased": True},
    ),
    Layout(
        "keras",
        (*keras_counted(tuple(PLACES.values())), *keras_layer("predictions", "head")),
        counted=KERAS_COUNTED,
        supplied={r".*/norm/scale": 1.0},
    ),
)
