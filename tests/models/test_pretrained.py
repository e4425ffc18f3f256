"""What a published checkpoint wants of its network and its images, and what the config may change."""

import dataclasses
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from tests.weights.timm_files import SIZES, write_vit
from tests.weights.vit_files import write_vit_as
from vitlab import runtime
from vitlab.config import Model
from vitlab.errors import InputError
from vitlab.models import Blueprint, convert, draw_blueprint
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


def test_another_number_of_heads_than_googles_kernels_have_is_refused(checkpoint, tmp_path: Path):
    """No parameter's shape would tell: width x heads x width of a head becomes width x width."""
    file = tmp_path / "google.safetensors"
    write_vit_as("google", file)
    assert SIZES["heads"] == 2
    assert draw(str(file), input_size=24).options["heads"] == 2
    for _ in range(2):  # now that it is converted, too
        with pytest.raises(InputError, match=r"with 2 heads, as .* say, and the network has 4 \(model"):
            draw(str(file), input_size=24, options={"heads": 4})


def test_layers_of_different_heads_are_refused_by_all_their_numbers(checkpoint, tmp_path: Path):
    file = tmp_path / "google.safetensors"
    write_vit_as("google", file)
    tensors = load_file(file)
    query = "Transformer/encoderblock_{}/MultiHeadDotProductAttention_1/query/kernel"
    save_file(tensors | {query.format(1): tensors[query.format(0)].reshape(16, 4, 4)}, file)
    with pytest.raises(InputError, match=r"with 2 and 4 heads, as .* and the network has 2"):
        draw(str(file), input_size=24)


def test_a_file_of_nobody_has_its_layouts_scheme_and_the_presets_size(checkpoint: Checkpoint):
    file = runtime.cache_folder("weights") / checkpoint.file_name
    blueprint = draw(str(file))
    assert blueprint.preprocessing.size == blueprint.options["input_size"] == 224
    assert "scheme" not in blueprint.options
    layouts = {layout.publisher: layout.options for layout in vit.LAYOUTS}
    assert layouts["torchvision"]["scheme"] == "imagenet"


def test_what_a_name_was_trained_on_is_known_and_stays_so_of_what_is_made_from_it(
    checkpoint: Checkpoint, tmp_path: Path
):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    convert(Model("vit", "vit.mine", 0, SIZES), first)
    convert(Model("vit", str(first), 0, SIZES), second)
    for weights in ("vit.mine", str(first), str(second)):
        published = draw(weights).published
        assert published and published.trained_on == "noise"


def test_what_a_file_of_nobody_was_trained_on_is_not_known(checkpoint: Checkpoint):
    published = draw(str(runtime.cache_folder("weights") / checkpoint.file_name)).published
    assert published and published.trained_on is None
    for header in ({"name": ["vit.mine"]}, {"name": "vit.theirs", "made_from": "vit.mine"}):
        assert dataclasses.replace(published, made_from=header).trained_on is None
