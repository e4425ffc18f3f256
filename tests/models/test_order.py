"""The layers of every network stand in the order in which an image goes through them."""

import re
from collections.abc import Iterator

import jax
import pytest
from flax import nnx

from vitlab.errors import InputError
from vitlab.models import create, layer_numbers

SMALL = {"patch": 4, "width": 16, "heads": 2, "mlp_width": 16, "input_size": 8}
FAMILIES = (
    *("vit_ti16", "mobilenet_v2", "resnet18", "resnet50_v2", "vgg16_bn", "clip_vit_b32"),
    *("clip_resnet50", "cnn_gap", "cnn_c", "inception_v3", "xception"),
    *("efficientnet_b0", "cvt13", "mobilevit_xxs"),
    pytest.param("inception_resnet_v2", marks=pytest.mark.slow),
)


def built(name: str, **options) -> list[str]:
    """The paths of a network's parameters in the order in which it builds them."""
    paths: list[str] = []

    def trace() -> None:
        paths.extend(_built(create(name, num_classes=3, **options)))

    jax.eval_shape(trace)
    return paths


def _built(module: nnx.Module, above: str = "") -> Iterator[str]:
    parts = enumerate(module) if isinstance(module, nnx.List) else vars(module).items()
    for name, part in parts:
        if isinstance(part, nnx.Param):
            yield f"{above}{name}"
        elif isinstance(part, nnx.Module):
            yield from _built(part, f"{above}{name}/")


def published(path: str, depth: int) -> int:
    """The layer of a ViT's parameter, as timm's `param_groups_layer_decay` counts them: its matcher has
    the embeddings first, a block each, and the last norm with the block before it."""
    block = re.match(r"backbone/blocks/(\d+)/", path)
    if block:
        return int(block[1]) + 1
    if path.startswith("head/"):
        return depth + 1
    return depth if path.startswith("backbone/norm/") else 0


@pytest.mark.parametrize("depth", [1, 12])
def test_the_layers_of_a_vit_are_the_published_groups(depth: int):
    found = layer_numbers(built("vit", depth=depth, **SMALL))
    assert found == {path: published(path, depth) for path in found}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_layers_go_from_the_image_to_the_head(name: str):
    """Each network builds its parts in the order in which it uses them, with two exceptions."""
    paths = built(name)
    found = layer_numbers(paths)
    exceptions = ("backbone/class_token", "backbone/norms/")
    numbers = [found[path] for path in paths if not path.startswith(exceptions)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(max(numbers) + 1))
    last = {path for path in paths if found[path] == max(numbers)}
    assert last == {"head/kernel", "head/bias"}


def test_a_norm_belongs_to_the_layer_that_it_follows():
    """The stages of `cnn_c` end in layer 2, and its dense layer is the third."""
    found = layer_numbers(built("cnn_c"))
    assert found["backbone/norms/0/scale"] == found["backbone/stages/0/2/kernel"] == 2
    assert found["backbone/norms/1/scale"] == found["backbone/dense/0/kernel"] == 3


def test_a_network_of_unknown_parts_is_refused():
    with pytest.raises(InputError, match=r"the place of backbone/tail/kernel among the layers"):
        layer_numbers(["backbone/blocks/0/kernel", "backbone/tail/kernel", "head/kernel"])
