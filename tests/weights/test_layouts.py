"""Name maps: every tensor finds its place, or everything that differs is listed at once."""

import dataclasses
import re
import time
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import save_file

from tests.weights.timm_files import SIZES, vit_tensors, write_vit
from vitlab.errors import InputError
from vitlab.models import create, outline
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
    arrays = LAYOUT.fill(dict(TENSORS), SHAPES, "file")
    assert {path: array.shape for path, array in arrays.items()} == SHAPES
    np.testing.assert_array_equal(arrays["backbone/blocks/0/kernel"], TENSORS["0.w"].T)
    np.testing.assert_array_equal(arrays["backbone/blocks/0/scale"], [1, 1, 1])
    assert {array.dtype for array in arrays.values()} == {np.dtype("float32")}


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


def test_a_parameter_that_two_tensors_would_fill_is_refused_with_both_their_names():
    twice = dataclasses.replace(LAYOUT, rules=(*LAYOUT.rules, Rule(r"0\.kernel", "head/bias")))
    for other in (np.ones(5), np.ones(4)):
        with pytest.raises(InputError) as refused:
            twice.fill({"0.kernel": other, **TENSORS}, SHAPES, "f")
        assert "1 filled twice" in str(refused.value)
        assert "filled twice: head/bias, by 0.kernel and by fc.bias" in str(refused.value)
    assert twice.fill(dict(TENSORS), SHAPES, "f").keys() == SHAPES.keys()


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint8"])
def test_a_tensor_of_no_floating_point_numbers_fills_no_parameter(dtype: str):
    tensors = TENSORS | {"0.w": np.ones((3, 2), dtype), "fc.bias": np.ones(4, dtype)}
    with pytest.raises(InputError) as refused:
        LAYOUT.fill(tensors, SHAPES, "f")
    assert "2 mistyped" in str(refused.value)
    assert f"mistyped: 0.w holds {dtype}, for backbone/blocks/0/kernel" in str(refused.value)
    assert f"mistyped: fc.bias holds {dtype}, for head/bias" in str(refused.value)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floating_point_numbers_of_any_width_become_float32(dtype: str):
    tensors = TENSORS | {"0.w": TENSORS["0.w"].astype(dtype)}
    array = LAYOUT.fill(tensors, SHAPES, "f")["backbone/blocks/0/kernel"]
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, TENSORS["0.w"].T)


def test_a_head_of_no_classes_is_refused():
    tensors = TENSORS | {"fc.weight": np.zeros((0, 3)), "fc.bias": np.zeros(0)}
    with pytest.raises(InputError) as refused:
        LAYOUT.fill(tensors, SHAPES, "f")
    assert str(refused.value).splitlines()[1:] == [
        "  misshapen: head/kernel: (3, 0) in the file, a head of no classes",
        "  misshapen: head/bias: (0,) in the file, a head of no classes",
    ]


def test_a_head_for_other_classes_comes_as_it_is_in_the_file():
    tensors = TENSORS | {"fc.weight": np.zeros((9, 3)), "fc.bias": np.zeros(9)}
    arrays = LAYOUT.fill(tensors, SHAPES, "f")
    assert (arrays["head/kernel"].shape, arrays["head/bias"].shape) == ((3, 9), (9,))


def test_a_file_without_a_head_is_no_error():
    tensors = {name: tensor for name, tensor in TENSORS.items() if not name.startswith("fc")}
    assert LAYOUT.fill(tensors, SHAPES, "f").keys() == {path for path in SHAPES if "head" not in path}


@pytest.mark.parametrize(
    ("head", "row"),
    [
        (
            {"fc.weight": (8, 3), "fc.bias": (9,)},
            "misshapen: head/kernel: (3, 8) in the file, (3, 9) in the network",
        ),
        (
            {"fc.weight": (9, 2), "fc.bias": (9,)},
            "misshapen: head/kernel: (2, 9) in the file, (3, 9) in the network",
        ),
        ({"fc.weight": (9, 3)}, "missing: head/bias (9,)"),
        ({"fc.bias": (9,)}, "missing: head/kernel (3, 9)"),
        ({"fc.weight": (9, 3), "fc.bias": ()}, "misshapen: head/bias: () in the file, (9,)"),
    ],
)
def test_a_head_that_is_not_whole_or_not_of_one_piece_is_listed(head: dict, row: str):
    tensors = {name: TENSORS[name] for name in ("0.w", "0.num_batches_tracked")}
    tensors |= {name: np.zeros(shape) for name, shape in head.items()}
    with pytest.raises(InputError) as refused:
        LAYOUT.fill(tensors, SHAPES, "f")
    rows = str(refused.value).splitlines()[1:]
    assert len(rows) == 1
    assert row in rows[0]


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


@pytest.mark.parametrize("prefix", ["model.", "module.", "model._orig_mod.", "net."])
def test_what_all_names_begin_with_is_left_out_where_the_rest_is_known(
    tmp_path: Path, prefix: str, capsys, monkeypatch
):
    """As Lightning, torch's DataParallel and torch.compile save a network."""
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    tensors = {
        prefix + name: tensor for name, tensor in vit_tensors(**SIZES, classes=3, input_size=24).items()
    }
    save_file(tensors, tmp_path / "w.safetensors")
    write_vit(tmp_path / "bare.safetensors")
    _, shapes, _ = outline(lambda: create("vit", num_classes=3, input_size=24, **SIZES))
    expected = open_published(tmp_path / "bare.safetensors", "vit").arrays(shapes)
    assert capsys.readouterr().out == ""
    for _ in range(2):  # found, then from the cache
        published = open_published(tmp_path / "w.safetensors", "vit")
        said = f"weights  {published.path}: all its names begin with {prefix}, which is left out\n"
        assert capsys.readouterr().out == said
        found = published.arrays(shapes)
        assert found.keys() == expected.keys()
        for path, array in expected.items():
            np.testing.assert_array_equal(found[path], array)
    with pytest.raises(InputError, match=r"no known layout of resnet .*they are a vit in the.*timm"):
        open_published(tmp_path / "w.safetensors", "resnet")


def test_a_prefix_that_a_layout_knows_stays(tmp_path: Path, capsys):
    save(tmp_path / "w.npz", ["vit.embeddings.cls_token", "vit.layernorm.weight", "vit.layernorm.bias"])
    assert open_published(tmp_path / "w.npz", "vit").known_by.prefix == ""
    assert capsys.readouterr().out == ""


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
