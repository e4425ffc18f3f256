"""What holds for every network, whatever its family."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from tests.models.programs import every_program
from vitlab.errors import InputError
from vitlab.models import PRESETS, create, layer_table, outline
from vitlab.weights.layouts import LAYOUTS

# One network of each family, with options that make it small where it has any.
ONE_OF_EACH = {
    "vit_ti16": 64,
    "cvt13": 64,
    "mobilevit_xxs": 64,
    "mobilenet_v2_035": 64,
    "vgg16_bn": 64,
    "resnet50": 64,
    "resnet50_v2": 64,
    "inception_v3": 107,
    "inception_resnet_v2": 107,
    "xception": 96,
    "efficientnet_b0": 64,
    "clip_vit_b32": 64,
    "clip_resnet50": 64,
    "cnn_gap": 64,
}


def test_one_of_each_family_is_here():
    assert {PRESETS[name].family for name in ONE_OF_EACH} == {one.family for one in PRESETS.values()}
    assert {one.family for one in PRESETS.values()} == LAYOUTS.keys() - {"clip_text"}


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_features_are_bfloat16_where_that_is_asked_and_logits_are_float32(name: str):
    size = ONE_OF_EACH[name]
    network, parameters, statistics = outline(
        lambda: create(name, num_classes=3, input_size=size, dtype="bfloat16")
    )

    def run(parameters, statistics, images):
        module = network.module(parameters, statistics)
        features = module.backbone.features(images)
        embedding = module.backbone.pool(features)
        return features, embedding, module.classify(embedding)

    features, embedding, logits = jax.eval_shape(
        run,
        *({path: jax.ShapeDtypeStruct(s, jnp.float32) for path, s in shapes.items()}
          for shapes in (parameters, statistics)),
        jax.ShapeDtypeStruct((2, size, size, 3), jnp.uint8),
    )  # fmt: skip
    assert features.dtype == "bfloat16"
    assert embedding.shape == (2, parameters["head/kernel"][0])
    assert (logits.shape, logits.dtype) == ((2, 3), jnp.float32)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_network_trains_in_the_plain_formulation_of_gpus(name: str, monkeypatch):
    monkeypatch.setenv("VITLAB_LAYERS", "reference")
    size = ONE_OF_EACH[name]
    network, *shapes = outline(lambda: create(name, num_classes=3, input_size=size))
    parameters, statistics = (
        {path: jax.ShapeDtypeStruct(shape, jnp.float32) for path, shape in part.items()}
        for part in shapes
    )

    @jax.jit
    @jax.grad
    def slopes(parameters, statistics, images):
        return network.train(parameters, statistics, images, moves=True)[0].sum()

    images = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
    found = jax.eval_shape(slopes, parameters, statistics, images)
    assert {path: slope.shape for path, slope in found.items()} == shapes[0]


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_row_of_the_layer_table_has_an_output(name: str):
    def build():
        return create(name, num_classes=3, input_size=ONE_OF_EACH[name])

    _, parameters, _ = outline(build)
    embedding, classes = parameters["head/kernel"]
    rows = layer_table(build)
    assert [row.path for row in rows if row.output is None] == []
    assert [row.output for row in rows[-2:]] == [(embedding,), (classes,)]


# -------------------------------------------------------------------- how small an image may be

EVEN = dict(stages=((2,), (2, 2), (2,)), kernel=4)
SMALLEST: list[tuple[str, int, dict[str, Any]]] = [
    ("cvt13", 3, {}),
    ("vgg16", 32, {}),
    ("vgg16_bn", 32, {"top": "average"}),
    ("inception_v3", 75, {}),
    ("inception_resnet_v2", 75, {}),
    ("xception", 7, {}),
    ("xception", 7, {"padding": "symmetric"}),
    ("clip_resnet50", 31, {}),
    ("cnn_gap", 18, {}),
    ("cnn_a", 18, {}),
    ("cnn", 31, EVEN),
    ("cnn", 4, EVEN | {"padding": "tensorflow"}),
    ("cnn", 1, EVEN | {"padding": "symmetric"}),
]
FROM_ONE_PIXEL_ON = ("mobilenet_v2_035", "resnet50", "resnet50_v2", "efficientnet_b0", "mobilevit_xxs")


def empty(name: str, built_for: int, shown: int, **options: Any) -> int:
    """How many arrays without a number there are from an image of `shown` pixels to its embedding."""
    network, parameters, statistics = outline(
        lambda: create(name, num_classes=2, input_size=built_for, **options)
    )
    arrays = (
        {path: jax.ShapeDtypeStruct(shape, jnp.float32) for path, shape in shapes.items()}
        for shapes in (parameters, statistics)
    )
    images = jax.ShapeDtypeStruct((1, shown, shown, 3), jnp.uint8)
    program = jax.make_jaxpr(network.embed)(*arrays, images)
    steps = (step for inner in every_program(program.jaxpr) for step in inner.eqns)
    return sum(0 in output.aval.shape for step in steps for output in step.outvars)


@pytest.mark.parametrize(("name", "smallest", "options"), SMALLEST)
def test_a_smaller_image_than_leaves_something_everywhere_is_refused(
    name: str, smallest: int, options: dict[str, Any]
):
    usual = empty(name, 96, 96, **options)  # CvT's first stages have no class token
    assert empty(name, smallest, smallest, **options) == usual
    if smallest == 1:
        return
    message = f"model {name}: input size {smallest - 1} is too small; it takes {smallest} pixels and"
    with pytest.raises(InputError, match=message):
        create(name, num_classes=2, input_size=smallest - 1, **options)
    try:
        left = empty(name, smallest, smallest - 1, **options)
    except (ValueError, TypeError, ZeroDivisionError):
        return  # so it would have failed
    assert left > usual


@pytest.mark.parametrize("name", FROM_ONE_PIXEL_ON)
def test_networks_that_pad_take_images_of_one_pixel(name: str):
    assert empty(name, 1, 1) == 0


@pytest.mark.parametrize("size", [31, 62, 63, 65, 94, 95])
def test_clips_resnet_has_positions_for_every_size(size: int):
    """Its stem rounds up and its averages round down."""
    assert empty("clip_resnet50", size, size) == 0
