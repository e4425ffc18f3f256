"""Plain convolutional networks: the studies' tables, number by number, and the general one."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vitlab.errors import InputError
from vitlab.models import create, initialise, outline


def counts(name: str, classes: int, size: int) -> tuple[dict[str, int], int]:
    """Parameters by layer, and the number of statistics."""
    _, parameters, statistics = outline(lambda: create(name, num_classes=classes, input_size=size))
    layers: dict[str, int] = {}
    for path, shape in parameters.items():
        layer = path.removeprefix("backbone/").rpartition("/")[0]
        layers[layer] = layers.get(layer, 0) + math.prod(shape)
    return layers, sum(math.prod(shape) for shape in statistics.values())


def test_s1_05_the_dogs_network_has_116_803_parameters():
    layers, statistics = counts("cnn_gap", 3, 224)
    assert layers == {
        "stages/0/0": 1_792,
        "stages/1/0": 36_928,
        "stages/2/0": 73_856,
        "dense/0": 4_128,
        "head": 99,
    }
    assert sum(layers.values()) == 116_803
    assert statistics == 0


def test_s2_25_cnn_a_has_56_320_parameters_in_its_convolutions():
    layers, _ = counts("cnn_a", 19, 128)
    assert sum(layers[f"stages/{index}/0"] for index in range(3)) == 56_320


@pytest.mark.parametrize(
    ("name", "size", "flat", "all_numbers", "trainable"),
    [("cnn_b", 64, 215_296, 14_698_003, 14_267_283), ("cnn_c", 128, 952_576, 125_799_443, 123_894_035)],
)
def test_s2_26_and_s2_27_count_as_the_study_did(
    name: str, size: int, flat: int, all_numbers: int, trainable: int
):
    layers, statistics = counts(name, 19, size)
    assert layers["norms/0"] == 2 * flat
    assert sum(layers.values()) == trainable
    assert sum(layers.values()) + statistics == all_numbers


def test_the_general_network_halves_the_maps_between_its_stages():
    def run(images):
        backbone = create("cnn", num_classes=2, stages=((4, 6), (8,)), dense=(5,)).backbone
        maps = backbone.features(images)
        return maps, backbone.pool(maps)

    maps, embedding = jax.eval_shape(run, jax.ShapeDtypeStruct((2, 40, 40, 3), jnp.uint8))
    assert maps.shape == (2, 16, 16, 8)
    assert embedding.shape == (2, 5)


SMALL: dict[str, Any] = dict(
    stages=((4,),), input_size=8, top="flatten", dense=(6,), normalised=True, dropout=(0.5, 0.5)
)


def small(seed: int):
    def build():
        return create("cnn", num_classes=3, **SMALL)

    _, shapes, statistics = outline(build)
    generator = np.random.default_rng(seed)
    given = {
        path: generator.uniform(0.5, 1, shape).astype(np.float32)
        for path, shape in (shapes | statistics).items()
    }
    return initialise(build, given)


def test_dropout_is_off_without_a_key_and_follows_its_key_alone():
    network, parameters, statistics = small(0)
    images = jnp.asarray(np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3)), jnp.uint8)
    answer = np.asarray(network(parameters, statistics, images))

    def train(key):
        logits, moved = network.train(parameters, statistics, images, moves=False, dropout=key)
        assert moved == {}
        return np.asarray(logits)

    np.testing.assert_array_equal(train(None), answer)
    first, again, other = (train(jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first - answer).max() > 1e-3


def test_batch_norm_moves_by_the_batch_whatever_dropout_does():
    network, parameters, statistics = small(0)
    images = jnp.asarray(np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3)), jnp.uint8)
    moved = [
        network.train(parameters, statistics, images, moves=True, dropout=key)[1]
        for key in (None, jax.random.key(0))
    ]
    assert moved[0].keys() == statistics.keys()
    assert not np.array_equal(moved[0]["backbone/norms/0/mean"], statistics["backbone/norms/0/mean"])
    np.testing.assert_array_equal(moved[0]["backbone/norms/0/mean"], moved[1]["backbone/norms/0/mean"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "model cnn needs model.options.stages"),
        (dict(stages=()), r"stages \(\) must each have a convolution"),
        (dict(stages=(8, 16)), r"model.options.stages is 8; it must be a list"),
        (dict(stages=((8, -8),)), r"model.options.stages is \(\(8, -8\),\); it must be above 0"),
        (dict(stages=((8,),), dense=(4,), dropout=(0.5,)), r"a rate for each of the 1 dense layers"),
        (dict(stages=((8,),), dropout=(1.0,)), r"dropout 1.0 is not in \[0, 1\)"),
        (dict(stages=((8, 8),), top="flatten", input_size=4), "size 4 is too small; it takes 5 pixels"),
    ],
)
def test_what_cannot_be_built_is_said(options: dict, message: str):
    with pytest.raises(InputError, match=message):
        create("cnn", num_classes=2, **options)
