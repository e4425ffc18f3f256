"""A network too large or too deep to be meant is refused at once, and not built first."""

import math
from typing import Any

import pytest

from vitlab.errors import InputError
from vitlab.models import PRESETS, create, create_text, layer_table, outline

SIZE = 64
VIT = dict(patch=16, width=16, heads=2)
# Of each network whose depth is an option: 101 of what is counted, and its name.
TOO_DEEP: list[tuple[str, dict[str, Any], str]] = [
    ("vit", dict(**VIT, mlp_width=16, depth=101), "101 blocks"),
    ("clip_vit_b32", dict(depth=101), "101 blocks"),
    ("clip_resnet50", dict(depths=(3, 4, 91, 3)), "101 blocks"),
    ("resnet50", dict(depths=(3, 4, 91, 3)), "101 blocks"),
    ("resnet50_v2", dict(depths=(3, 4, 91, 3)), "101 blocks"),
    ("cvt13", dict(depths=(1, 2, 98)), "101 blocks"),
    ("vgg16", dict(depths=(2, 2, 3, 3, 91)), "101 convolutions"),
    ("efficientnet_b0", dict(depth_factor=50_000.0), "800,000 blocks"),
    ("efficientnet_b0", dict(depth_factor=6.1), "103 blocks"),
    (
        "cnn",
        dict(stages=((2,) * 50, (2,) * 50), dense=(2,), padding="symmetric"),
        "101 convolutions and dense layers",
    ),
]
FIXED = {"mobilenet_v2", "mobilevit", "inception_v3", "inception_resnet_v2", "xception"}


def test_every_family_is_here_or_has_no_option_of_depth():
    assert {PRESETS[name].family for name, _, _ in TOO_DEEP} | FIXED == {
        preset.family for preset in PRESETS.values()
    }


@pytest.mark.parametrize(("name", "options", "count"), TOO_DEEP)
def test_a_network_that_takes_minutes_to_build_is_refused(name: str, options: dict, count: str):
    message = f"model {name}: {count} are too many; a network has up to 100 "
    with pytest.raises(InputError, match=message):
        create(name, num_classes=2, input_size=SIZE, **options)


def test_a_text_tower_that_takes_minutes_to_build_is_refused():
    with pytest.raises(InputError, match="text tower of clip_vit_b32: 101 blocks are too many"):
        create_text("clip_vit_b32", depth=101)


def test_a_hundred_layers_are_built():
    options: dict[str, Any] = dict(stages=((1,) * 49, (1,) * 50), dense=(1,), padding="symmetric")
    _, shapes, _ = outline(lambda: create("cnn", num_classes=2, input_size=8, **options))
    assert sum(path.endswith("/kernel") for path in shapes) == 101  # and the head


# As large as the numbers may be: JAX must still be able to count what it draws.
TOO_LARGE: list[tuple[str, int, dict[str, Any]]] = [
    ("vit_ti16", 64, dict(width=48_000)),
    ("vit_ti16", 10_000, dict(patch=1, width=50_000, heads=1, mlp_width=50_000)),
    ("clip_vit_b32", 64, dict(width=50_000, heads=1)),
    ("clip_resnet50", 64, dict(width=50_000)),
    ("cvt13", 64, dict(widths=(50_000,) * 3, heads=(1, 1, 1))),
    ("mobilevit_xxs", 64, dict(channels=(50_000,) * 5, widths=(50_000,) * 3, expansion=50_000)),
    ("mobilenet_v2", 64, dict(width=50_000)),
    ("efficientnet_b0", 64, dict(width_factor=50_000)),
    ("cnn", 64, dict(stages=((50_000, 50_000),), kernel=50_000, padding="tensorflow")),
    ("cnn", 10_000, dict(stages=((50_000,),), dense=(50_000,), top="flatten")),
]


@pytest.mark.parametrize(("name", "size", "options"), TOO_LARGE)
def test_a_network_that_no_machine_holds_is_refused_by_its_parameters(name: str, size: int, options):
    def build():
        return create(name, num_classes=2, input_size=size, **options)

    message = r"^the network with these options has .*e\+1\d parameters; 1e\+10 are the most \(model"
    for use in (outline, layer_table):
        with pytest.raises(InputError, match=message):
            use(build)


def test_the_limit_is_ten_billion_parameters():
    """Of 960 a class, beside 1,922 before the head."""
    options: dict[str, Any] = dict(stages=((1,),), kernel=1, dense=(959,), input_size=8)
    _, shapes, _ = outline(lambda: create("cnn", num_classes=10_416_664, **options))
    assert sum(math.prod(shape) for shape in shapes.values()) == 9_999_999_362
    with pytest.raises(InputError, match="parameters"):
        outline(lambda: create("cnn", num_classes=10_416_665, **options))


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"width": 10**400}, "width"),
        ({"width": 10**12}, "width"),
        ({"width": 50_001}, "width"),
        ({"epsilon": float("nan")}, "epsilon"),
        ({"epsilon": float("-inf")}, "epsilon"),
    ],
)
def test_a_number_that_no_option_can_mean_is_refused(options: dict, where: str):
    message = rf"^model\.options\.{where}: a number must be finite, at most 50,000$"
    with pytest.raises(InputError, match=message):
        create("vit_ti16", num_classes=2, **options)


@pytest.mark.parametrize("size", [0, -1, 10_001, 10**9])
def test_an_input_size_that_cannot_be_is_refused(size: int):
    with pytest.raises(InputError, match=f"an input size of {size} pixels; it must be 1 to 10000"):
        create("mobilenet_v2", num_classes=2, input_size=size)
