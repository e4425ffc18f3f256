"""Keras's `.h5`: layers that are only counted, the names of its versions, what the network has built in.

The names are those that Keras 3 gives the variables, from the golden files.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.weights.golden_shapes import numbered_tensors
from vitlab.errors import InputError
from vitlab.models import create, outline
from vitlab.weights import open_published
from vitlab.weights.layouts import LAYOUTS

KERAS_1 = {
    "kernel:0": "W_1:0",
    "bias:0": "b_1:0",
    "moving_mean:0": "running_mean_1:0",
    "moving_variance:0": "running_std_1:0",
}


def fill(family: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    (layout,) = (layout for layout in LAYOUTS[family] if layout.publisher == "keras")
    _, parameters, statistics = outline(lambda: create(family, num_classes=1000, **layout.options))
    return layout.fill(dict(tensors), parameters | statistics, "file.h5")


def numbers(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    return {path: float(array.flat[0]) for path, array in arrays.items()}


@pytest.mark.parametrize("family", ["inception_v3", "xception"])
def test_layers_are_counted_from_wherever_the_file_begins(family: str):
    """Keras numbers the layers of a session, whichever network they are of."""
    tensors = numbered_tensors(f"{family}-keras")

    def later(name: str) -> str:
        layer, rest = name.split("/", 1)
        for kind, first in (("conv2d", 95), ("batch_normalization", 8)):
            if layer.removeprefix(kind).lstrip("_").isdigit() or layer == kind:
                number = int(layer.removeprefix(kind).lstrip("_") or 0) + first
                return f"{kind}_{number}/{rest}"
        return name

    moved = {later(name): tensors[name] for name in sorted(tensors)}
    assert moved.keys() != tensors.keys()
    assert numbers(fill(family, moved)) == numbers(fill(family, tensors))


def test_the_names_of_keras_1_and_keras_3_lead_to_the_same_places():
    """The published Xception is of Keras 1: `convolution2d_1/convolution2d_1_W_1:0`."""
    tensors = numbered_tensors("xception-keras")
    expected = numbers(fill("xception", tensors))

    def first(name: str) -> str:
        layer, _, variable = name.split("/")
        for kind, old in (("conv2d", "convolution2d"), ("batch_normalization", "batchnormalization")):
            if layer.startswith(kind):
                layer = f"{old}_{int(layer.removeprefix(kind).lstrip('_') or 0) + 1}"
        return f"{layer}/{layer}_{KERAS_1.get(variable, variable)}"

    for rename in (first, lambda name: name.removesuffix(":0")):
        renamed = {rename(name): tensor for name, tensor in tensors.items()}
        assert renamed.keys().isdisjoint(tensors)
        assert numbers(fill("xception", renamed)) == expected


@pytest.mark.parametrize("model", ["mobilenet_v2", "efficientnet_b0"])
def test_a_depthwise_kernel_that_keras_3_saved_has_its_place(model: str):
    """It writes `block_1_depthwise/block_1_depthwise/kernel`."""
    family = model.removesuffix("_b0")
    (layout,) = (layout for layout in LAYOUTS[family] if layout.publisher == "keras")
    published = [name for name in numbered_tensors(f"{model}-keras") if "depthwise_kernel" in name]
    assert published
    for name in published:
        saved = name.replace("/depthwise_kernel:0", "/kernel")
        places = [
            [rule.target(one) for rule in layout.rules if rule.target(one)] for one in (name, saved)
        ]
        assert places[0] == places[1]
        assert len(places[0]) == 1


@pytest.mark.parametrize(
    ("published", "path"),
    [
        ("block1_conv2/block1_conv2_W_1:0", "backbone/stages/0/1/kernel"),
        ("block1_conv2/block1_conv2_b_1:0", "backbone/stages/0/1/bias"),
        ("predictions/predictions_W_1:0", "head/kernel"),
    ],
)
def test_vgg_is_published_in_the_names_of_keras_1(published: str, path: str):
    (layout,) = (layout for layout in LAYOUTS["vgg"] if layout.publisher == "keras")
    assert [rule.target(published) for rule in layout.rules if rule.target(published)] == [path]


def test_a_counted_layer_too_many_is_listed():
    tensors = numbered_tensors("xception-keras")
    tensors["conv2d_99/conv2d_99/kernel:0"] = np.zeros((1, 1, 2, 2))
    with pytest.raises(InputError, match=r"0 missing, 1 unused.*\n  unused: conv2d_99/conv2d_99/kernel"):
        fill("xception", tensors)


MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture
def efficientnet(tmp_path: Path) -> Path:
    """An `.h5` of two layers, the normalisation as published: with an integer count."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        group = file.create_group("normalization_2/normalization_2")
        group["mean:0"], group["variance:0"] = (
            np.array(MEAN, np.float32),
            np.array(DEVIATION, np.float32),
        )
        group["count:0"] = np.int64(0)
        file["stem_bn/stem_bn/gamma:0"] = np.ones(32, np.float32)
    return tmp_path / "w.h5"


def test_efficientnets_normalisation_in_the_file_is_the_one_that_is_built_in(efficientnet: Path):
    published = open_published(efficientnet, "efficientnet")
    assert published.layout.publisher == "keras"
    filled = published.fill({"backbone/stem/norm/scale": (32,)})
    assert filled.arrays.keys() == {"backbone/stem/norm/scale"}


def test_another_normalisation_than_the_one_that_is_built_in_is_refused(efficientnet: Path):
    """A network that was trained in Keras without published weights divides by 255 alone."""
    with h5py.File(efficientnet, "a") as file:
        file["normalization_2/normalization_2/variance:0"][:] = 1
    published = open_published(efficientnet, "efficientnet")
    with pytest.raises(InputError, match=r"variance:0 holds \[1.0, 1.0, 1.0\].* built with \[0.229"):
        published.fill({"backbone/stem/norm/scale": (32,)})


def test_a_normalisation_of_another_size_is_named_by_its_shape_alone(efficientnet: Path):
    with h5py.File(efficientnet, "a") as file:
        del file["normalization_2/normalization_2/mean:0"]
        file["normalization_2/normalization_2/mean:0"] = np.zeros(100_000, np.float32)
    published = open_published(efficientnet, "efficientnet")
    with pytest.raises(InputError, match=r"mean:0 holds an array of shape \(100000,\), but") as refused:
        published.fill({"backbone/stem/norm/scale": (32,)})
    assert len(str(refused.value)) < 1000
