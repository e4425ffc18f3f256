"""What holds for every network, whatever its family."""

import jax
import jax.numpy as jnp
import pytest

from vitlab.models import PRESETS, create, outline
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
