"""Convolutional networks: sizes as published. What they compute is held against their publishers' code
in `tests/parity`."""

import math

import jax
import jax.numpy as jnp
import pytest

from vitlab.models import create, outline


@pytest.mark.parametrize(
    ("name", "parameters"),
    [  # torchvision's documentation, ImageNet-1k weights
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnet152", 60_192_808),
        ("vgg16", 138_357_544),
        ("vgg16_bn", 138_365_992),
        ("vgg19", 143_667_240),
        ("vgg19_bn", 143_678_248),
        ("efficientnet_b0", 5_288_548),
        ("efficientnet_b1", 7_794_184),
        ("efficientnet_b2", 9_109_994),
        ("efficientnet_b3", 12_233_232),
        ("efficientnet_b4", 19_341_616),
    ],
)
def test_parameters_count_as_published(name: str, parameters: int):
    _, shapes, _ = outline(lambda: create(name, num_classes=1000))
    assert sum(math.prod(shape) for shape in shapes.values()) == parameters


@pytest.mark.parametrize(
    ("name", "all_numbers"),
    [  # Keras applications, statistics included
        ("resnet50_v2", 25_613_800),
        ("resnet101_v2", 44_675_560),
        ("resnet152_v2", 60_380_648),
    ],
)
def test_resnet_v2_counts_as_published(name: str, all_numbers: int):
    _, parameters, statistics = outline(lambda: create(name, num_classes=1000))
    counts = [math.prod(shape) for group in (parameters, statistics) for shape in group.values()]
    assert sum(counts) == all_numbers


@pytest.mark.parametrize(
    ("name", "all_numbers", "without_scale"),
    [  # Keras applications, statistics included; the norms of the first two have no scale there
        ("inception_v3", 23_851_784, 17_216),
        ("inception_resnet_v2", 55_873_736, 30_272),
        ("xception", 22_910_480, 0),
    ],
)
def test_inception_and_xception_count_as_published(name: str, all_numbers: int, without_scale: int):
    _, parameters, statistics = outline(lambda: create(name, num_classes=1000))
    counts = [math.prod(shape) for group in (parameters, statistics) for shape in group.values()]
    assert sum(counts) - without_scale == all_numbers


def test_inception_v3_counts_as_torchvision_does_but_for_the_auxiliary_head():
    """27,161,264 in torchvision's documentation; its head: 1x1, 5x5, their norms, a dense layer."""
    _, parameters, _ = outline(lambda: create("inception_v3", num_classes=1000))
    auxiliary = 768 * 128 + 25 * 128 * 768 + 2 * (128 + 768) + (768 + 1) * 1000
    assert sum(math.prod(shape) for shape in parameters.values()) + auxiliary == 27_161_264


def test_keras_resnet50_counts_its_biases():
    """Keras applications: 25,636,712 parameters, 53,120 of them statistics."""
    _, shapes, statistics = outline(lambda: create("resnet50", num_classes=1000, bias=True))
    counts = [sum(math.prod(shape) for shape in group.values()) for group in (shapes, statistics)]
    assert sum(counts) == 25_636_712
    assert counts[1] == 53_120


@pytest.mark.parametrize(
    ("name", "options", "features", "width"),
    [
        ("resnet18", {}, (2, 3, 3, 512), 512),
        ("resnet50", {}, (2, 3, 3, 2048), 2048),
        ("inception_v3", {}, (2, 1, 1, 2048), 2048),
        ("xception", {}, (2, 3, 3, 2048), 2048),
        ("efficientnet_b4", {}, (2, 3, 3, 1792), 1792),
        ("vgg16", {"top": "average"}, (2, 6, 6, 512), 512),
        ("vgg16_bn", {"top": "dense", "larger": "slide"}, (2, 6, 6, 512), 4096),
    ],
)
def test_features_are_the_last_maps_and_the_embedding_has_its_width(
    name: str, options: dict, features: tuple[int, ...], width: int
):
    def run(images):
        backbone = create(name, num_classes=3, **options).backbone
        maps = backbone.features(images)
        return maps, backbone.pool(maps)

    maps, embedding = jax.eval_shape(run, jax.ShapeDtypeStruct((2, 96, 96, 3), jnp.uint8))
    assert maps.shape == features
    assert embedding.shape == (2, width)
