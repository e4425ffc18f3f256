"""Name maps: every tensor finds its place, or everything that differs is listed at once."""

import re
import time
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from PIL import Image
from safetensors.numpy import save_file

from vitlab.errors import InputError
from vitlab.models import create
from vitlab.models.classifier import normalise
from vitlab.weights import open_published
from vitlab.weights.catalogue import CATALOGUE
from vitlab.weights.layouts import LAYOUTS
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.vit import LAYOUTS as VIT
from vitlab.weights.layouts.vit import POSITIONS
from vitlab.weights.readers.arrays import MOST_TENSORS

LAYOUT = Layout(
    "somebody",
    (
        Rule(r"(\d+)\.w", "backbone/blocks/{0}/kernel", lambda array: array.T),
        Rule(r"fc\.weight", "head/kernel", lambda array: array.T),
        Rule(r"fc\.bias", "head/bias"),
    ),
    ignored=(r".*num_batches_tracked",),
    supplied={r".*/scale": 1.0},
)
SHAPES = {
    "backbone/blocks/0/kernel": (2, 3),
    "backbone/blocks/0/scale": (3,),
    "head/kernel": (3, 5),
    "head/bias": (5,),
}
TENSORS = {
    "0.w": np.arange(6.0).reshape(3, 2),
    "0.num_batches_tracked": np.array(7),
    "fc.weight": np.zeros((5, 3)),
    "fc.bias": np.zeros(5),
}


def test_every_parameter_is_filled_changed_and_float32():
    filled = LAYOUT.fill(dict(TENSORS), SHAPES, "file")
    assert {path: array.shape for path, array in filled.arrays.items()} == SHAPES
    np.testing.assert_array_equal(filled.arrays["backbone/blocks/0/kernel"], TENSORS["0.w"].T)
    np.testing.assert_array_equal(filled.arrays["backbone/blocks/0/scale"], [1, 1, 1])
    assert {array.dtype for array in filled.arrays.values()} == {np.dtype("float32")}
    assert filled.has_head


def test_everything_that_differs_is_listed_in_one_error():
    tensors = {"0.w": np.zeros((4, 2)), "1.w": np.zeros((3, 2)), "odd": np.zeros(1)}
    shapes = SHAPES | {"backbone/blocks/0/bias": (3,)}
    with pytest.raises(InputError) as refused:
        LAYOUT.fill(tensors, shapes, "file.npz")
    message = str(refused.value)
    assert message.startswith(
        "weights file.npz, read in the layout of somebody, do not fit the network: "
        "1 missing, 2 unused, 1 misshapen"
    )
    assert "missing: backbone/blocks/0/bias (3,)" in message
    assert "unused: 1.w (3, 2)" in message
    assert "unused: odd (1,)" in message
    assert "misshapen: backbone/blocks/0/kernel: (2, 4) in the file, (2, 3) in the network" in message


def test_a_head_for_other_classes_is_left_out_and_counted():
    filled = LAYOUT.fill(TENSORS | {"fc.weight": np.zeros((9, 3)), "fc.bias": np.zeros(9)}, SHAPES, "f")
    assert not filled.has_head
    assert filled.classes_in_file == 9
    assert not any(path.startswith("head/") for path in filled.arrays)


def test_a_file_without_a_head_is_no_error():
    tensors = {name: tensor for name, tensor in TENSORS.items() if not name.startswith("fc")}
    filled = LAYOUT.fill(tensors, SHAPES, "f")
    assert (filled.has_head, filled.classes_in_file) == (False, None)


def save(path: Path, names: list[str]) -> None:
    arrays: Any = {name: np.zeros(1) for name in names}
    np.savez(path, **arrays)


def test_weights_of_another_family_are_named(tmp_path: Path):
    names = ["cls_token", "pos_embed", "patch_embed.proj.bias", "norm.weight", "norm.bias"]
    save(tmp_path / "w.npz", names)
    with pytest.raises(
        InputError, match=r"no known layout of mobilenet_v2 .*they are a vit in the.*timm"
    ):
        open_published(tmp_path / "w.npz", "mobilenet_v2")


def test_publishers_whose_names_have_commas_stay_apart(tmp_path: Path):
    save(tmp_path / "w.npz", ["layer/what"])
    publishers = "; ".join(layout.publisher for layout in LAYOUTS["resnet"])
    with pytest.raises(InputError, match=re.escape(f"layout of resnet ({publishers})")):
        open_published(tmp_path / "w.npz", "resnet")


def test_as_many_names_of_nobody_as_a_file_may_have_are_refused_within_seconds(tmp_path: Path):
    path = tmp_path / "many.safetensors"
    names = [f"layers.{index}.attention.{index}.weight" for index in range(MOST_TENSORS)]
    save_file(dict.fromkeys(names, np.zeros(0, np.float32)), path)
    start = time.process_time()
    with pytest.raises(InputError, match=r"are in no known layout of vit .* its 20000 tensors"):
        open_published(path, "vit")
    assert time.process_time() - start < 10


def test_weights_of_nobody_are_refused(tmp_path: Path):
    save(tmp_path / "w.npz", ["layer/what"])
    with pytest.raises(
        InputError, match=r"no known layout of vit .*the first of its 1 tensors is layer/what"
    ):
        open_published(tmp_path / "w.npz", "vit")


@pytest.mark.parametrize(
    ("family", "names", "publisher", "options"),
    [  # who trained or converted the same network knows what his code computes
        ("cvt", ["stage2.cls_token", "norm.bias"], "microsoft", {"activation": "quick_gelu"}),
        (
            "cvt",
            ["cvt.encoder.stages.2.cls_token", "layernorm.bias"],
            "huggingface",
            {"activation": "gelu"},
        ),
        ("vit", ["pos_embed", "norm.weight", "norm.bias"], "timm", {}),
        (
            "vit",
            ["pos_embed", "fc_norm.weight", "fc_norm.bias"],
            "timm, averaging",
            {"pooling": "average", "norm": "embedding"},
        ),
        ("mobilevit", ["stem.conv.weight", "head.fc.bias"], "timm", {"scheme": "unit"}),
        (
            "mobilevit",
            ["mobilevit.conv_stem.convolution.weight", "classifier.bias"],
            "huggingface",
            {"scheme": "unit bgr"},
        ),
    ],
)
def test_a_layout_is_found_by_its_names_and_brings_its_options(
    tmp_path: Path, family: str, names: list[str], publisher: str, options: dict
):
    save(tmp_path / "w.npz", names)
    layout = open_published(tmp_path / "w.npz", family).layout
    assert (layout.publisher, layout.options) == (publisher, options)


@pytest.mark.parametrize(("old", "new"), [(14, 24), (14, 7), (7, 10), (16, 5)])
def test_positions_in_timms_layout_are_resampled_as_pillow_resamples_bicubically(old: int, new: int):
    """Pillow's bicubic filter, antialiased, is PyTorch's with antialias=True, which timm uses."""
    width = 3
    positions = np.random.default_rng(0).normal(size=(1, 1 + old * old, width)).astype(np.float32)
    resize = VIT[0].resize[POSITIONS]
    found = resize(positions, (1, 1 + new * new, width))
    np.testing.assert_array_equal(found[:, 0], positions[:, 0])
    for channel in range(width):
        grid = Image.fromarray(positions[0, 1:, channel].reshape(old, old))
        expected = np.asarray(grid.resize((new, new), Image.Resampling.BICUBIC))
        np.testing.assert_allclose(found[0, 1:, channel].reshape(new, new), expected, atol=1e-5)


# What PyTorch 2.13's `interpolate(mode="bicubic", antialias=False)` makes of 1 in one row of four and 0
# in the others, row by row: with `align_corners=True` (torchvision), and without (Hugging Face).
BICUBIC = {
    ("torchvision", 6): [
        [1.0, 0.0, 0.0, 0.0],
        [0.388, 0.72, -0.108, 0.0],
        [-0.096, 0.92, 0.2, -0.024],
        [-0.024, 0.2, 0.92, -0.096],
        [0.0, -0.108, 0.72, 0.388],
        [0.0, 0.0, 0.0, 1.0],
    ],
    ("huggingface", 6): [
        [1.086806, -0.086806, 0.0, 0.0],
        [0.5, 0.59375, -0.09375, 0.0],
        [-0.086806, 0.943287, 0.16088, -0.017361],
        [-0.017361, 0.16088, 0.943287, -0.086806],
        [0.0, -0.09375, 0.59375, 0.5],
        [0.0, 0.0, -0.086806, 1.086806],
    ],
    ("torchvision", 3): [
        [1.0, 0.0, 0.0, 0.0],
        [-0.09375, 0.59375, 0.59375, -0.09375],
        [0.0, 0.0, 0.0, 1.0],
    ],
    ("huggingface", 3): [
        [0.856481, 0.16088, -0.017361, 0.0],
        [-0.09375, 0.59375, 0.59375, -0.09375],
        [0.0, -0.017361, 0.16088, 0.856481],
    ],
}


@pytest.mark.parametrize(("publisher", "new"), BICUBIC)
def test_positions_are_resampled_by_pytorchs_bicubic_where_the_publisher_takes_that(
    publisher: str, new: int
):
    """JAX's has another sharpness, and antialiases what it shrinks unless told otherwise."""
    weights = np.array(BICUBIC[publisher, new])
    (layout,) = (layout for layout in VIT if layout.publisher == publisher)
    grid = np.random.default_rng(0).normal(size=(4, 4, 5))
    token = np.ones((1, 1, 5))
    positions = np.concatenate([token, grid.reshape(1, 16, 5)], axis=1)
    found = layout.resize[POSITIONS](positions, (1, 1 + new * new, 5))
    expected = np.einsum("ai,bj,ijc->abc", weights, weights, grid)
    np.testing.assert_array_equal(found[:, :1], token)
    np.testing.assert_allclose(found[0, 1:].reshape(new, new, 5), expected, atol=1e-5)


def test_inception_from_torchvision_sees_images_as_its_network_transforms_them():
    """torchvision normalises by ImageNet's pixels, and `transform_input` turns that into [-1, 1]."""
    layout = next(one for one in LAYOUTS["inception_v3"] if "torchvision" in one.publisher)
    known = CATALOGUE["inception_v3.torchvision_in1k_v1"].options
    for options in (layout.options, {**layout.options, **known}):
        network = nnx.eval_shape(
            lambda options=options: create("inception_v3", num_classes=2, **options)
        )
        assert network.backbone.scheme == "symmetric"
    images = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    fed = (images / 255 - mean) / deviation
    transformed = fed * (deviation / 0.5) + (mean - 0.5) / 0.5
    np.testing.assert_allclose(
        normalise(jnp.asarray(images), "symmetric", "float32"), transformed, atol=1e-5
    )
    assert np.abs(transformed - fed).max() > 1


def test_positions_in_googles_layout_keep_their_corners_and_are_linear_between():
    rows, columns = np.meshgrid(np.arange(4.0), np.arange(4.0), indexing="ij")
    grid = (2 * rows + 3 * columns).reshape(1, 16, 1)
    found = VIT[1].resize[POSITIONS](grid, (1, 49, 1)).reshape(7, 7)
    rows, columns = np.meshgrid(np.linspace(0, 3, 7), np.linspace(0, 3, 7), indexing="ij")
    np.testing.assert_allclose(found, 2 * rows + 3 * columns, atol=1e-6)


def test_positions_without_a_class_token_fit_a_network_without_one():
    positions = np.random.default_rng(0).normal(size=(1, 16, 2)).astype(np.float32)
    assert VIT[0].resize[POSITIONS](positions, (1, 64, 2)).shape == (1, 64, 2)


def test_positions_for_another_kind_of_pooling_are_reported_not_bent():
    positions = np.zeros((1, 17, 2), np.float32)
    assert VIT[0].resize[POSITIONS](positions, (1, 64, 2)).shape == (1, 17, 2)


def test_tensors_without_the_axes_that_they_need_are_listed_too():
    tensors = {
        "patch_embed.proj.weight": np.zeros((16, 48)),
        "pos_embed": np.zeros(17),
        "blocks.0.attn.qkv.weight": np.zeros((100, 16)),
    }
    shapes = {
        "backbone/patches/projection/kernel": (48, 16),
        POSITIONS: (1, 17, 16),
        "backbone/blocks/0/attention/query/kernel": (16, 16),
        "head/bias": (2,),
    }
    with pytest.raises(InputError) as refused:
        VIT[0].fill(tensors, shapes, "file.npz")
    message = str(refused.value)
    assert "0 missing, 0 unused, 3 misshapen" in message
    assert "patch_embed.proj.weight (16, 48), for backbone/patches/projection/kernel (48, 16)" in message
    assert "backbone/positions: (17,) in the file, (1, 17, 16) in the network" in message
    assert "blocks.0.attn.qkv.weight (100, 16), for backbone/blocks/0/attention/query/kernel" in message


def test_the_names_in_hugging_faces_files_and_those_of_its_modules_lead_to_the_same_places():
    (layout,) = [layout for layout in VIT if layout.publisher == "huggingface"]
    old, new = "vit.encoder.layer.3.", "vit.layers.3."
    for published, module in {
        "attention.attention.query.weight": "attention.q_proj.weight",
        "attention.attention.key.bias": "attention.k_proj.bias",
        "attention.attention.value.weight": "attention.v_proj.weight",
        "attention.output.dense.weight": "attention.o_proj.weight",
        "intermediate.dense.bias": "mlp.fc1.bias",
        "output.dense.weight": "mlp.fc2.weight",
        "layernorm_after.weight": "layernorm_after.weight",
    }.items():
        places = [
            [rule.target(name) for rule in layout.rules if rule.target(name)]
            for name in (old + published, new + module)
        ]
        assert places[0] == places[1]
        assert len(places[0]) == 1
