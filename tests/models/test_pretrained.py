"""What a published checkpoint wants of its network and its images, and what the config may change."""

import dataclasses
from pathlib import Path

import pytest

from tests.weights.timm_files import SIZES, write_vit
from vitlab import runtime
from vitlab.config import Model
from vitlab.models import Blueprint, draw_blueprint
from vitlab.weights import CATALOGUE, Checkpoint, Preprocessing
from vitlab.weights.layouts import vit

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
    write_vit(runtime.cache_folder("weights") / entry.file_name)
    return entry


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
