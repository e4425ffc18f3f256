"""What a published checkpoint wants of its network and its images, and what the config may change."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from vitlab import runtime
from vitlab.config import Model
from vitlab.models import Blueprint, create, draw_blueprint
from vitlab.models.functional import arrays
from vitlab.weights import CATALOGUE, Checkpoint, Preprocessing
from vitlab.weights.layouts import vit

SIZES = dict(patch=8, width=16, depth=1, heads=2, mlp_width=16)
WANTED = Preprocessing(size=24, interpolation="bilinear", crop=0.95, crop_first=False)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    """A small ViT of timm's layout in the catalogue as `vit.mine`, already in the cache."""
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    entry = Checkpoint(
        model="vit",
        tag="mine",
        publisher="nobody",
        address="http://127.0.0.1:9/w.safetensors",
        licence="MIT",
        data="noise",
        preprocessing=WANTED,
        options={"scheme": "imagenet"},
    )
    monkeypatch.setitem(CATALOGUE, entry.name, entry)
    write_in_timms_layout(runtime.cache_folder("weights") / entry.file_name)
    return entry


def write_in_timms_layout(path: Path) -> None:
    from safetensors.numpy import save_file

    parameters, _ = arrays(create("vit", num_classes=3, input_size=24, **SIZES))
    rng = np.random.default_rng(0)
    ours = {name: rng.normal(size=array.shape).astype(np.float32) for name, array in parameters.items()}
    save_file(in_timms_layout(ours), path)


def in_timms_layout(ours: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    block = "backbone/blocks/0/"
    names = {
        "blocks.0.norm1": (f"{block}attention_norm", "scale"),
        "blocks.0.norm2": (f"{block}mlp_norm", "scale"),
        "norm": ("backbone/norm", "scale"),
        "blocks.0.attn.proj": (f"{block}attention/out", "kernel"),
        "blocks.0.mlp.fc1": (f"{block}mlp/widen", "kernel"),
        "blocks.0.mlp.fc2": (f"{block}mlp/narrow", "kernel"),
        "head": ("head", "kernel"),
    }
    theirs = {f"{name}.weight": ours[f"{path}/{kind}"].T for name, (path, kind) in names.items()}
    theirs |= {f"{name}.bias": ours[f"{path}/bias"] for name, (path, _) in names.items()}
    for kind, published in (("kernel", "weight"), ("bias", "bias")):
        parts = [ours[f"{block}attention/{name}/{kind}"].T for name in ("query", "key", "value")]
        theirs[f"blocks.0.attn.qkv.{published}"] = np.concatenate(parts)
    projection = ours["backbone/patches/projection/kernel"].reshape(8, 8, 3, 16)
    theirs |= {
        "patch_embed.proj.weight": projection.transpose(3, 2, 0, 1),
        "patch_embed.proj.bias": ours["backbone/patches/projection/bias"],
        "cls_token": ours["backbone/class_token"],
        "pos_embed": ours["backbone/positions"],
    }
    return {name: np.ascontiguousarray(array) for name, array in theirs.items()}


def draw(weights: str, **settings) -> Blueprint:
    settings["options"] = {**SIZES, **settings.get("options", {})}
    return draw_blueprint(Model(name="vit", weights=weights, **settings))


def test_a_checkpoints_own_preprocessing_and_scheme_come_with_its_name(checkpoint: Checkpoint):
    blueprint = draw("vit.mine")
    assert blueprint.preprocessing == WANTED
    assert blueprint.options["input_size"] == 24
    assert blueprint.options["scheme"] == "imagenet"


def test_the_config_has_the_last_word(checkpoint: Checkpoint):
    blueprint = draw("vit.mine", input_size=32, options={"scheme": "symmetric"})
    assert blueprint.preprocessing == dataclasses.replace(WANTED, size=32)
    assert blueprint.options["input_size"] == 32
    assert blueprint.options["scheme"] == "symmetric"


def test_a_file_of_nobody_has_its_layouts_scheme_and_the_presets_size(checkpoint: Checkpoint):
    file = runtime.cache_folder("weights") / checkpoint.file_name
    blueprint = draw(str(file))
    assert blueprint.preprocessing.size == blueprint.options["input_size"] == 224
    assert "scheme" not in blueprint.options
    layouts = {layout.publisher: layout.options for layout in vit.LAYOUTS}
    assert layouts["torchvision"]["scheme"] == "imagenet"
