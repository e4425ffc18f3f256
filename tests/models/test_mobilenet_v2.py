"""MobileNetV2 against a plain one written with `lax.conv`, and against the published sizes."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from vitlab.models import create, outline
from vitlab.models.mobilenet_v2 import STAGES, rounded


def random_arrays(shapes, seed):
    """Batch-norm statistics included: nothing stays at 0 or 1."""
    generator = np.random.default_rng(seed)
    made = {}
    for path, shape in shapes.items():
        if path.endswith(("variance", "scale")):
            made[path] = generator.uniform(0.5, 1.5, shape)
        else:
            made[path] = generator.normal(0, max(int(np.prod(shape[:-1])), 1) ** -0.5, shape)
    return {path: jnp.asarray(array, jnp.float32) for path, array in made.items()}


def plain_mobilenet_v2(images, p, *, epsilon, padding, activation):
    def layer(x, name, stride=1, groups=1, act=activation):
        kernel = p[f"{name}/kernel"]
        extent = kernel.shape[0]
        pads = "SAME" if padding == "tensorflow" else [(extent // 2, extent // 2)] * 2
        x = lax.conv_general_dilated(
            x, kernel, (stride, stride), pads,
            dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
        )  # fmt: skip
        norm = {key: p[f"{name}/norm/{key}"] for key in ("mean", "variance", "scale", "bias")}
        x = (x - norm["mean"]) / jnp.sqrt(norm["variance"] + epsilon) * norm["scale"] + norm["bias"]
        return act(x)

    x = layer(images / 127.5 - 1, "backbone/stem", stride=2)
    strides = [
        stride if index == 0 else 1 for _, _, repeats, stride in STAGES for index in range(repeats)
    ]
    for index, stride in enumerate(strides):
        block, inner = f"backbone/blocks/{index}", x
        if f"{block}/expand/kernel" in p:
            inner = layer(x, f"{block}/expand")
        inner = layer(inner, f"{block}/filter", stride=stride, groups=inner.shape[-1])
        inner = layer(inner, f"{block}/project", act=lambda x: x)
        x = x + inner if stride == 1 and x.shape == inner.shape else inner
    x = layer(x, "backbone/last")
    return x.mean((1, 2)) @ p["head/kernel"] + p["head/bias"]


@pytest.mark.parametrize("padding", ["tensorflow", "symmetric"])
@pytest.mark.parametrize("size", [64, 51])
def test_logits_equal_those_of_a_plain_one(padding: str, size: int):
    options: dict[str, Any] = {"width": 0.35, "padding": padding, "epsilon": 1e-5}
    network, parameters, statistics = outline(lambda: create("mobilenet_v2", num_classes=4, **options))
    parameters, statistics = random_arrays(parameters, 1), random_arrays(statistics, 2)
    images = jnp.asarray(np.random.default_rng(3).integers(0, 256, (2, size, size, 3)), jnp.float32)
    with jax.default_matmul_precision("float32"):
        found = jax.jit(network.__call__)(parameters, statistics, images)
        plain = functools.partial(
            plain_mobilenet_v2, epsilon=1e-5, padding=padding, activation=jax.nn.relu6
        )
        expected = jax.jit(plain)(images, parameters | statistics)
    np.testing.assert_allclose(found, expected, atol=1e-4 * float(jnp.abs(expected).max()))


# Trainable parameters with 1000 classes, as `summary()` of Keras applications counts them.
@pytest.mark.parametrize(
    ("width", "parameters"),
    [(0.35, 1_677_128), (0.5, 1_968_680), (0.75, 2_636_424), (1.0, 3_504_872), (1.4, 6_108_776)],
)
def test_parameters_count_as_published(width: float, parameters: int):
    _, shapes, _ = outline(lambda: create("mobilenet_v2", num_classes=1000, width=width))
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == parameters


def test_training_moves_every_statistic_and_inference_none():
    network, parameters, statistics = outline(lambda: create("mobilenet_v2", num_classes=4, width=0.35))
    parameters, statistics = random_arrays(parameters, 1), random_arrays(statistics, 2)
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)), jnp.uint8)
    _, moved = jax.jit(functools.partial(network.train, moves=True))(parameters, statistics, images)
    assert moved.keys() == statistics.keys()
    assert all((moved[path] != statistics[path]).any() for path in statistics)


def test_features_are_the_last_maps():
    def features(images):
        return create("mobilenet_v2", num_classes=4, width=0.35).backbone.features(images)

    images = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.uint8)
    assert jax.eval_shape(features, images).shape == (1, 2, 2, 1280)


@pytest.mark.parametrize(("channels", "multiple"), [(11.2, 16), (33.6, 32), (3.0, 8), (22.4, 24)])
def test_channels_are_rounded_as_in_the_authors_code(channels: float, multiple: int):
    assert rounded(channels) == multiple
