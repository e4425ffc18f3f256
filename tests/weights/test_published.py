"""The real checkpoints, against logits from an independent implementation in PyTorch."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from vitlab.config import Model
from vitlab.data.decode import decode
from vitlab.data.pixels import Decode, Recipe
from vitlab.data.resize import to_square
from vitlab.models import SavedModel, draw_blueprint, first_model

pytestmark = [pytest.mark.assets, pytest.mark.usefixtures("compiled_as_users_have_it")]

VIT = "vit_tiny_patch16_224_codrshiv.safetensors"
KERAS = "mobilenet_v2_1.0_224_imagenet_keras_layout.h5"
SLIM = "mobilenet_v2_1.0_224_tfslim_bnfused_fp32_head_int8deq.safetensors"


def load(assets: Path, name: str, file: str, classes: int = 1000) -> SavedModel:
    blueprint = draw_blueprint(Model(name=name, weights=str(assets / "weights" / file)))
    return first_model(blueprint, tuple(map(str, range(classes))), "crop", seed=0)


def logits_of(model: SavedModel, images: np.ndarray) -> np.ndarray:
    answer = jax.jit(model.network.__call__)
    with jax.default_matmul_precision("float32"):
        batches = (images[start : start + 20] for start in range(0, len(images), 20))
        return np.concatenate([answer(model.parameters, model.statistics, b) for b in batches])


@pytest.mark.parametrize(
    ("name", "file", "golden"),
    [
        ("vit_ti16", VIT, "vit_tiny_logits1000"),
        ("vit_ti16", "vit_ti16_224_timm_layout.pth", "vit_tiny_logits1000"),
        ("vit_ti16", "vit_ti16_224_google_layout.npz", "vit_tiny_logits1000"),
        ("mobilenet_v2", KERAS, "mobilenetv2_tfslim_logits1001"),
        ("mobilenet_v2", SLIM, "mobilenetv2_tfslim_logits1001"),
    ],
)
def test_logits_equal_the_golden_ones(assets: Path, name: str, file: str, golden: str):
    stored = np.load(assets / "weights" / "golden_20_images.npz")
    classes = 1001 if file == SLIM else 1000
    found = logits_of(load(assets, name, file, classes), stored["images_u8"])
    expected = stored[golden][:, -classes:]
    assert np.abs(found - expected).max() < 1e-4
    np.testing.assert_array_equal(found.argmax(1), expected.argmax(1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file", "top1"), [("vit_ti16", VIT, 0.816), ("mobilenet_v2", KERAS, 0.878)]
)
@pytest.mark.parametrize("how", ["exact", "fast"])
def test_top1_on_real_photographs_equals_the_publishers(
    assets: Path, name: str, file: str, top1: float, how: Decode
):
    """Independent implementations give .816 and .878, each network with its own centre crop."""
    model = load(assets, name, file)
    recipe = Recipe(model.card.preprocessing, "crop", how)
    classes = json.loads((assets / "data" / "imagenet_class_index.json").read_text())
    number = {synset: int(index) for index, (synset, _) in classes.items()}
    files = sorted((assets / "data" / "imagenet_500").iterdir())
    images = np.stack(
        [to_square(decode(file, recipe.enough).image, recipe.preprocessing, "crop") for file in files]
    )
    labels = np.array([number[file.name.split("_")[0]] for file in files])
    accuracy = (logits_of(model, images).argmax(1) == labels).mean()
    assert len(labels) == 500
    assert abs(accuracy - top1) <= 0.006


def test_gluons_weights_without_head_fill_a_network_with_a_new_one(assets: Path):
    file = "mobilenet_v2_1.0_gluon_unfusedBN_NOHEAD.safetensors"
    model = load(assets, "mobilenet_v2", file, classes=3)
    assert model.card.options["activation"] == "relu"
    assert (np.asarray(model.parameters["head/kernel"]) == 0).all()
    stored = np.load(assets / "weights" / "golden_20_images.npz")
    embed = jax.jit(model.network.embed)
    features = embed(model.parameters, model.statistics, stored["images_u8"])
    assert np.isfinite(features).all()
    assert features.std() > 0.1
