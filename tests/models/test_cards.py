"""What a card or the catalogue says of weights is checked before a network is built from it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitlab.config import Model
from vitlab.errors import InputError
from vitlab.models import draw_blueprint, load_text
from vitlab.weights import write_safetensors

OPTIONS = dict(patch=4, width=16, depth=1, heads=2, mlp_width=16)
CARD: dict[str, Any] = dict(
    name="vit",
    options=OPTIONS,
    class_names=[],
    preprocessing=dict(size=8, interpolation="bicubic", crop=0.9, crop_first=False),
    resize="crop",
    parameters=1,
    origin={},
    trained={},
)


def draw(folder: Path, **fields: str) -> None:
    """Of a converted file whose header has these fields."""
    file = folder / "w.safetensors"
    header = {key: json.dumps(value) for key, value in CARD.items()}
    arrays = {"backbone/norm/scale": np.ones(16, np.float32)}
    write_safetensors(file, arrays, {**header, **fields})
    draw_blueprint(Model(name="vit", weights=str(file)))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("trained", 10_000 * "[", "is no model card"),
        ("trained", "5", r"card\.trained is 5; it must be a group of settings"),
        ("options", '"abc"', r"card\.options is 'abc'; it must be a group of settings"),
        ("options", "5", r"card\.options is 5; it must be a group of settings"),
        ("name", "5", r"card\.name is 5; it must be of type str"),
        ("class_names", '"abc"', r"card\.class_names is 'abc'; it must be a list"),
        ("preprocessing", "{}", "is no model card"),
        ("other", "1", r"unknown config key 'other'"),
    ],
)
def test_a_damaged_card_is_refused_by_field(tmp_path: Path, field: str, value: str, message: str):
    with pytest.raises(InputError, match=message) as refusal:
        draw(tmp_path, **{field: value})
    assert str(tmp_path / "w.safetensors") in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("size", 10**9, "an input size of 1000000000 pixels"),
        ("size", 0, "an input size of 0 pixels"),
        ("crop", "x", r"card\.preprocessing\.crop is 'x'"),
        ("crop", 0, "a crop of 0"),
        ("interpolation", "magic", "unknown value 'magic'"),
    ],
)
def test_preprocessing_that_cannot_be_is_refused(tmp_path: Path, field: str, value, message: str):
    preprocessing = {**CARD["preprocessing"], field: value}
    with pytest.raises(InputError, match=message):
        draw(tmp_path, preprocessing=json.dumps(preprocessing))


def test_a_card_whose_network_the_arrays_do_not_fill_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="missing"):
        draw(tmp_path)


def test_a_header_cannot_ask_for_a_network_that_takes_minutes_to_build(tmp_path: Path):
    with pytest.raises(InputError, match="model vit: 50,000 blocks are too many; a network has up to 1"):
        draw(tmp_path, options=json.dumps({**OPTIONS, "depth": 50_000}))


@pytest.mark.parametrize(
    ("name", "checkpoint", "theirs"),
    [
        ("efficientnet_b0", "tf_efficientnet_b0.in1k", "tf_efficientnet_b0"),
        ("tf_efficientnet_b0", "efficientnet_b0.ra_in1k", "efficientnet_b0"),
        ("resnet50", "mobilenet_v2.keras_in1k", "mobilenet_v2"),
    ],
)
def test_a_catalogued_file_of_another_network_is_refused_before_it_is_downloaded(
    tmp_path: Path, monkeypatch, name: str, checkpoint: str, theirs: str
):
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=f"are of the network {theirs}, not of {name}"):
        draw_blueprint(Model(name=name, weights=checkpoint))
    assert not list(tmp_path.iterdir())


def test_a_text_tower_of_another_clip_is_refused_before_it_is_downloaded(tmp_path: Path, monkeypatch):
    """The tensors of ViT-B/16's and B/32's have the same names and shapes."""
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="are of the network clip_vit_b32, not of clip_vit_b16"):
        load_text("clip_vit_b16", "clip_vit_b32.openai")
    assert not list(tmp_path.iterdir())
