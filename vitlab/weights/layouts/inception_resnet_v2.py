"""Inception-ResNet v2 as timm and Keras applications publish it."""

from vitlab.weights.layouts.changes import transposed
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import (
    COUNTERS,
    KERAS_COUNTED,
    keras_counted,
    keras_layer,
    keras_norm,
    torch_conv_norm,
    torch_convolution,
)

STEM = ("conv2d_1a", "conv2d_2a", "conv2d_2b", "conv2d_3b", "conv2d_4a")

# Of each stage: convolutions in the branches of its entry and of a block, and the number of blocks.
STAGES = (
    ((1, 2, 3, 1), (1, 2, 3), 10),
    ((1, 3), (1, 3), 20),
    ((2, 2, 3), (1, 3), 10),
)
ENTRIES = {"mixed_5b": 0, "mixed_6a": 1, "mixed_7a": 2}
BLOCKS = {"repeat": 0, "repeat_1": 1, "repeat_2": 2}


def _timm_rules() -> tuple[Rule, ...]:
    """A branch of one convolution has no number for it; the pooling that begins a branch counts."""

    def stem(name: str) -> str:
        return f"backbone/stem/layers/{STEM.index(name)}"

    def entry(name: str, branch: str, index: str | None) -> str:
        step = 0 if (name, branch) == ("mixed_5b", "3") else int(index or 0)
        return f"backbone/stages/{ENTRIES[name]}/entry/branches/{branch}/layers/{step}"

    def block(name: str, number: str) -> str:
        return f"backbone/stages/{BLOCKS[name]}/blocks/{number}"

    def inside(name: str, number: str, branch: str, index: str | None) -> str:
        return f"{block(name, number)}/branches/branches/{branch}/layers/{index or 0}"

    def last(branch: str, index: str | None) -> str:
        return inside("repeat_2", "9", branch, index)

    def layer(theirs: str, ours) -> list[Rule]:
        return torch_conv_norm(rf"{theirs}\.conv", rf"{theirs}\.bn", ours)

    branch = r"\.branch(\d)(?:\.(\d))?"
    repeat = r"(repeat(?:_[12])?)\.(\d+)"
    return (
        *layer(f"({'|'.join(STEM)})", stem),
        *layer(f"({'|'.join(ENTRIES)}){branch}", entry),
        *layer(repeat + branch, inside),
        *layer("block8" + branch, last),
        *torch_convolution(rf"{repeat}\.conv2d", lambda *groups: f"{block(*groups)}/project"),
        *torch_convolution(r"block8\.conv2d", f"{block('repeat_2', '9')}/project"),
        *layer("conv2d_7b", "backbone/last"),
        Rule(r"classif\.weight", "head/kernel", transposed),
        Rule(r"classif\.bias", "head/bias"),
    )


def _in_order() -> tuple[str, ...]:
    """The convolutions that Keras only counts, in the order of creation."""

    def inside(path: str, branches: tuple[int, ...]) -> list[str]:
        return [
            f"{path}/branches/{branch}/layers/{index}"
            for branch, length in enumerate(branches)
            for index in range(length)
        ]

    places = [f"backbone/stem/layers/{index}" for index in range(len(STEM))]
    for stage, (entry, block, number) in enumerate(STAGES):
        path = f"backbone/stages/{stage}"
        places += inside(f"{path}/entry", entry)
        for index in range(number):
            places += inside(f"{path}/blocks/{index}/branches", block)
    return tuple(places)


def _keras_rules() -> tuple[Rule, ...]:
    def block(stage: int):
        return lambda number: f"backbone/stages/{stage}/blocks/{int(number) - 1}/project"

    return (
        *keras_counted(_in_order()),
        *(
            rule
            for stage, name in enumerate(("block35", "block17", "block8"))
            for rule in keras_layer(rf"{name}_(\d+)_conv", block(stage))
        ),
        *keras_layer("conv_7b", "backbone/last"),
        *keras_norm("conv_7b_bn", "backbone/last/norm"),
        *keras_layer("predictions", "head"),
    )


LAYOUTS = (
    Layout("timm", _timm_rules(), ignored=(COUNTERS,), options={"momentum": 0.9, "unbiased": True}),
    Layout("keras", _keras_rules(), counted=KERAS_COUNTED, supplied={r".*/norm/scale": 1.0}),
)
