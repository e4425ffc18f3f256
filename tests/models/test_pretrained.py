"""What a published checkpoint wants of its network and its images, and what the config may change."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.weights.timm_files import SIZES, vit_tensors, write_vit
from tests.weights.vit_files import VIT_WRITERS, write_vit_as
from vitlab import runtime
from vitlab.config import Model
from vitlab.errors import InputError
from vitlab.models import Blueprint, convert, draw_blueprint
from vitlab.weights import CATALOGUE, Checkpoint, Preprocessing
from vitlab.weights.layouts import vit

GOLDENS = Path(__file__).parent.parent / "parity" / "goldens"
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


def save_golden(case: str, file: Path, **changed: tuple[int, ...]) -> None:
    """Zeros of the shapes that the publisher's network has."""
    with np.load(GOLDENS / f"{case}.npz", allow_pickle=False) as golden:
        shapes = json.loads(str(golden["shapes"])) | changed
    save_file({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, file)


@pytest.mark.parametrize(
    ("asked", "theirs", "row"),
    [
        ("vit_ti16", "vit_ti32", "(3072, 192) in the file, (768, 192) in the network"),
        ("mobilenet_v2", "mobilenet_v2_050", "(3, 3, 3, 16) in the file, (3, 3, 3, 32) in the network"),
    ],
)
def test_weights_of_another_size_name_its_network_before_what_differs(
    asked: str, theirs: str, row: str, checkpoint, tmp_path: Path
):
    file = tmp_path / "theirs.safetensors"
    if theirs == "vit_ti32":
        sizes = dict(patch=32, width=192, depth=12, heads=3, mlp_width=768)
        save_file(vit_tensors(**sizes, classes=3, input_size=224), file)
    else:
        save_golden("mobilenet_v2_050-timm", file)
    with pytest.raises(InputError) as refused:
        draw_blueprint(Model(asked, str(file)))
    first, second, *rows = str(refused.value).splitlines()
    assert first == f"weights {file} fit {theirs}, not {asked}; name the network that they are of"
    assert second.startswith(f"weights {file}, read in the layout of timm, do not fit the network: ")
    assert any(row in found for found in rows)


def test_weights_of_no_networks_size_are_listed_alone(checkpoint, tmp_path: Path):
    file = tmp_path / "odd.safetensors"
    save_golden("mobilevit_xxs-timm", file, **{"stem.conv.weight": (17, 3, 3, 3)})
    with pytest.raises(InputError) as refused:
        draw_blueprint(Model("mobilevit_xs", str(file)))
    assert str(refused.value).startswith(f"weights {file}, read in the layout of timm, do not fit")


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
    file, sizes = tmp_path / "google.safetensors", {**SIZES, "depth": 2}
    tensors = VIT_WRITERS["google"](vit_tensors(**sizes, classes=3, input_size=24))
    query = "Transformer/encoderblock_1/MultiHeadDotProductAttention_1/query/kernel"
    save_file(tensors | {query: tensors[query].reshape(16, 4, 4)}, file)
    with pytest.raises(InputError, match=r"with 2 and 4 heads, as .* and the network has 2"):
        draw(str(file), input_size=24, options=sizes)


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
