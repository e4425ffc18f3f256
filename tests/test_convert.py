"""A published checkpoint becomes one file of vitlab's own that computes the same."""

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.conftest import vitlab
from tests.weights.timm_files import SIZES, vit_tensors, write_vit
from tests.weights.vit_files import VIT_WRITERS, write_vit_as
from vitlab import weights
from vitlab.config import Model
from vitlab.errors import InputError
from vitlab.models import SavedModel, convert, draw_blueprint, first_model, save_model
from vitlab.weights import CATALOGUE, published
from vitlab.weights.readers import read_quietly

SETTINGS = Model(name="vit", input_size=24, options=SIZES)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "converted"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_vit(tmp_path / "published.safetensors")
    return tmp_path / "published.safetensors"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read for their tensors."""
    names: list[str] = []

    def read(path: Path) -> weights.Tensors:
        names.append(path.name)
        return read_quietly(path)

    monkeypatch.setattr(published, "read_quietly", read)
    return names


def use(weights: Path, **changes: Any) -> Model:
    return dataclasses.replace(SETTINGS, weights=str(weights), **changes)


def load(weights: Path, classes: int = 3, **changes: Any) -> SavedModel:
    blueprint = draw_blueprint(use(weights, **changes))
    return first_model(blueprint, tuple(map(str, range(classes))), "crop", seed=0)


def assert_same_network(found: SavedModel, expected: SavedModel) -> None:
    """The same structure with the same numbers computes the same logits, to the last bit."""
    assert found.network == expected.network
    assert found.card.preprocessing == expected.card.preprocessing
    for ours, theirs in (
        (found.parameters, expected.parameters),
        (found.statistics, expected.statistics),
    ):
        assert ours.keys() == theirs.keys()
        for path, array in ours.items():
            np.testing.assert_array_equal(array, theirs[path], err_msg=path)


# ------------------------------------------------------------------------------- the converted file


def test_a_converted_file_is_used_like_the_published_one(file: Path, tmp_path: Path):
    convert(use(file), tmp_path / "ours.safetensors")
    assert_same_network(load(tmp_path / "ours.safetensors", input_size=0), load(file))


def test_its_header_says_what_it_is_and_where_it_is_from(file: Path, tmp_path: Path):
    card = convert(use(file), tmp_path / "ours.safetensors")
    with safe_open(tmp_path / "ours.safetensors", framework="numpy") as opened:
        header = {key: json.loads(value) for key, value in opened.metadata().items()}
        shapes = {name: opened.get_slice(name).get_shape() for name in opened.keys()}  # noqa: SIM118
    assert header["name"] == "vit"
    assert header["options"]["input_size"] == header["preprocessing"]["size"] == 24
    assert header["origin"]["sha256"] == weights.open_published(file, "vit").sha256
    assert header["origin"]["layout"] == "timm"
    assert header["parameters"] == card.parameters == sum(map(np.prod, shapes.values()))
    assert shapes["head/kernel"] == [16, 3]


def test_a_head_for_other_classes_is_replaced_as_a_published_one_is(file, tmp_path, capsys):
    convert(use(file), tmp_path / "ours.safetensors")
    model = load(tmp_path / "ours.safetensors", classes=5)
    assert model.parameters["head/kernel"].shape == (16, 5)
    assert "its head for 3 classes is replaced by a new one for 5" in capsys.readouterr().out


def test_a_converted_file_takes_another_input_size(file: Path, tmp_path: Path):
    convert(use(file), tmp_path / "ours.safetensors")
    model = load(tmp_path / "ours.safetensors", input_size=32)
    assert model.parameters["backbone/positions"].shape == (1, 17, 16)


@pytest.mark.parametrize("publisher", VIT_WRITERS)
def test_another_input_size_is_resampled_as_the_publisher_does_it_whatever_lies_between(
    tmp_path: Path, publisher: str
):
    """A conversion, a finished run, and a run that began with that one."""
    write_vit_as(publisher, tmp_path / "published.safetensors")
    wanted = positions(tmp_path / "published.safetensors")
    convert(use(tmp_path / "published.safetensors"), tmp_path / "ours.safetensors")
    np.testing.assert_array_equal(positions(tmp_path / "ours.safetensors"), wanted)
    save_model(tmp_path / "first", load(tmp_path / "ours.safetensors"))
    np.testing.assert_array_equal(positions(tmp_path / "first"), wanted)
    save_model(tmp_path / "second", load(tmp_path / "first"))
    np.testing.assert_array_equal(positions(tmp_path / "second"), wanted)


def test_publishers_resample_the_same_positions_differently(tmp_path: Path):
    found = []
    for publisher in VIT_WRITERS:
        write_vit_as(publisher, tmp_path / f"{publisher}.safetensors")
        found.append(positions(tmp_path / f"{publisher}.safetensors"))
    for one, other in itertools.combinations(found, 2):
        assert np.abs(one - other).max() > 0.01 * np.abs(one).max()


def positions(weights: Path) -> np.ndarray:
    """At 40 pixels, where the file's are for 24."""
    return np.asarray(load(weights, input_size=40).parameters["backbone/positions"])


def test_clips_resnet_of_an_earlier_run_takes_another_input_size(tmp_path: Path):
    sizes = dict(depths=(1, 1, 1, 1), width=8, heads=2, embedding_width=4)
    settings = Model(name="clip_resnet50", input_size=64, options=sizes)
    save_model(tmp_path / "m", first_model(draw_blueprint(settings), ("a", "b"), "crop", seed=0))
    larger = dataclasses.replace(settings, weights=str(tmp_path / "m"), input_size=96)
    model = first_model(draw_blueprint(larger), ("a", "b"), "crop", seed=0)
    assert model.parameters["backbone/attention/positions"].shape == (1, 10, 256)


def test_a_publisher_that_nobody_knows_is_named(file: Path, tmp_path: Path):
    convert(use(file), tmp_path / "ours.safetensors")
    header = weights.read_metadata(tmp_path / "ours.safetensors")
    header["origin"] = json.dumps({**json.loads(header["origin"]), "layout": "nobody"})
    tensors = weights.read_tensors(tmp_path / "ours.safetensors")
    weights.write_safetensors(tmp_path / "ours.safetensors", tensors, header)
    with pytest.raises(InputError, match="were made from the layout of nobody, which is not known"):
        load(tmp_path / "ours.safetensors")


def test_a_header_that_is_no_card_is_refused(file: Path, tmp_path: Path):
    convert(use(file), tmp_path / "ours.safetensors")
    tensors = weights.read_tensors(tmp_path / "ours.safetensors")
    weights.write_safetensors(tmp_path / "ours.safetensors", tensors, {"name": "vit"})
    with pytest.raises(InputError, match=r"the header of .*ours\.safetensors is no model card"):
        load(tmp_path / "ours.safetensors")


@pytest.mark.assets
@pytest.mark.parametrize(
    ("name", "published_file"),
    [
        ("vit_ti16", "vit_tiny_patch16_224_codrshiv.safetensors"),
        ("vit_ti16", "vit_ti16_224_google_layout.npz"),
        ("mobilenet_v2", "mobilenet_v2_1.0_224_imagenet_keras_layout.h5"),
    ],
)
def test_real_checkpoints_stay_what_they_are(assets: Path, tmp_path: Path, name, published_file):
    file = assets / "weights" / published_file
    settings: dict[str, Any] = dict(name=name, options={}, input_size=0)
    convert(use(file, **settings), tmp_path / "ours.safetensors")
    found = load(tmp_path / "ours.safetensors", classes=1000, **settings)
    assert_same_network(found, load(file, classes=1000, **settings))
    assert np.abs(found.parameters["head/kernel"]).max() > 0.1


# ------------------------------------------------------------------------------- the cache


def test_a_published_file_is_converted_once(file: Path, reads: list[str]):
    first = load(file)
    assert reads.count(file.name) == 1  # for its layout; what was read is then converted
    assert_same_network(load(file), first)
    assert reads.count(file.name) == 1


def test_another_head_needs_no_other_conversion_and_another_size_does(file: Path, cache: Path):
    load(file)
    load(file, classes=7)
    assert len(list(cache.glob("*.safetensors"))) == 1
    load(file, input_size=32)
    assert len(list(cache.glob("*.safetensors"))) == 2


def test_a_changed_file_is_converted_anew(file: Path, tmp_path: Path):
    before = load(file)
    tensors = weights.read_tensors(file)
    weights.write_safetensors(file, tensors | {"norm.bias": tensors["norm.bias"] + 1})
    found = load(file).parameters["backbone/norm/bias"]
    np.testing.assert_allclose(found, before.parameters["backbone/norm/bias"] + 1)


def test_changed_name_maps_convert_anew(file: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch):
    load(file)
    monkeypatch.setattr(published, "_code", lambda: "another version of the maps")
    load(file)
    assert reads.count(file.name) == 2


def test_a_conversion_says_in_its_header_what_it_was_made_of(file: Path, cache: Path):
    load(file)
    (converted,) = cache.glob("*.safetensors")
    header = weights.read_metadata(converted)
    assert header["weights"] == str(file)
    assert header["layout"] == "timm"
    assert len(header["sha256"]) == 64


# ------------------------------------------------------------------------------- the command


def test_the_command_writes_a_file_that_a_run_can_begin_with(tmp_path: Path):
    """A named preset; the file's positions are of its own size."""
    checkpoint = tmp_path / "ti.safetensors"
    sizes = dict(patch=32, width=192, depth=12, heads=3, mlp_width=768)
    save_file(vit_tensors(**sizes, classes=2, input_size=64), checkpoint)
    output = tmp_path / "out" / "ours.safetensors"
    result = vitlab(
        "convert", "--model=vit_ti32", f"--weights={checkpoint}", f"--output={output}", "--input_size=64"
    )
    assert result.returncode == 0, result.stderr
    assert "vit_ti32 for 64 pixels" in result.stdout
    assert "in the layout of timm" in result.stdout
    assert json.loads(weights.read_metadata(output)["options"])["patch"] == 32
    assert draw_blueprint(Model("vit_ti32", str(output))).options["input_size"] == 64


def test_the_command_takes_a_network_that_has_no_preset_of_its_own(file: Path, tmp_path: Path):
    """A failure of a network without options names what it needs; given, they are in the header."""
    output = tmp_path / "ours.safetensors"
    arguments = ["--model=vit", f"--weights={file}", f"--output={output}", "--input_size=24"]
    without = vitlab("convert", *arguments)
    assert without.returncode == 2
    assert "--options=patch=..., width=..., depth=..., heads=..., mlp_width=...)" in without.stderr
    missing = vitlab("convert", "--model=vit", "--weights=gone.npz", f"--output={output}")
    assert "there is no file gone.npz; weights are a file, the model/<phase> folder" in missing.stderr
    result = vitlab("convert", *arguments, "--options=" + ",".join(f"{k}={v}" for k, v in SIZES.items()))
    assert result.returncode == 0, result.stderr
    assert json.loads(weights.read_metadata(output)["options"])["mlp_width"] == SIZES["mlp_width"]


def test_the_command_never_writes_over_the_file_that_it_reads(file: Path):
    before = file.read_bytes()
    options = "--options=" + ",".join(f"{name}={value}" for name, value in SIZES.items())
    arguments = ["--model=vit", f"--weights={file}", "--input_size=24", options]
    result = vitlab("convert", *arguments, f"--output={file}")
    assert result.returncode == 2
    assert f"{file} is the file that the weights are read from" in result.stderr
    assert result.stderr.count("\n") == 1
    assert file.read_bytes() == before


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("is_output", [False, True])
def test_a_link_to_the_file_is_the_file(file: Path, link, is_output: bool):
    before = file.read_bytes()
    other = file.with_name("link.safetensors")
    link(other, file)
    weights, output = (file, other) if is_output else (other, file)
    with pytest.raises(InputError, match=rf"{output} is the file that the weights are read from"):
        convert(use(weights), output)
    assert file.read_bytes() == before
    assert other.samefile(file)


def test_the_weights_of_a_run_stay_those_of_the_run(file: Path, tmp_path: Path):
    """A folder stands for the file in it."""
    save_model(tmp_path / "model", load(file))
    output = tmp_path / "model" / "weights.safetensors"
    before = output.read_bytes()
    with pytest.raises(InputError, match="is the file that the weights are read from"):
        convert(use(tmp_path / "model"), output)
    assert output.read_bytes() == before


def test_the_list_fits_into_100_columns_and_narrows_to_a_network(without_jax):
    whole = vitlab("convert", "--list", **without_jax)
    assert whole.returncode == 0, whole.stderr
    rows, legend = (part.splitlines() for part in whole.stdout.split("\n\n"))
    assert len(rows) == len(CATALOGUE) + 1
    assert max(map(len, rows + legend)) <= 100
    some = vitlab("convert", "--list", "--model=vgg16_bn", **without_jax).stdout.split("\n\n")[0]
    assert some.count("\n") == sum(one.model == "vgg16_bn" for one in CATALOGUE.values())
    assert "73.4" in some.splitlines()[1]


def test_as_json_the_list_has_all_that_the_catalogue_has(without_jax):
    result = vitlab("convert", "--list", "--json", "--model=clip_resnet50", **without_jax)
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == [
        f"clip_resnet50.{tag}" for tag in ("openai", "cc12m", "yfcc15m")
    ]
    assert rows[0].keys() >= {field.name for field in dataclasses.fields(weights.Checkpoint)}
    assert rows[0]["normalisation"] == "mean and deviation of CLIP's images"
    assert rows[0]["preprocessing"]["interpolation"] == "bicubic"
    assert rows[1]["mebibytes"] is None
    assert rows[1]["counted_mebibytes"] == pytest.approx(4 * 102.06e6 / 2**20, rel=1e-3)


def test_one_name_is_listed_with_everything_that_is_known(without_jax):
    name = "resnet50.torchvision_in1k_v2"
    result = vitlab("convert", "--list", f"--weights={name}", **without_jax)
    assert CATALOGUE[name].address in result.stdout
    assert "sha256:11ad3fa6" in result.stdout
    assert "224 pixels, bilinear, 0.9655 of the shorter side" in result.stdout
    assert "ImageNet's mean and deviation" in result.stdout
    counted = vitlab("convert", "--list", "--weights=vit_ti16.augreg_in21k", **without_jax).stdout
    assert "~37 (counted: four bytes for each number that the network takes)" in counted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a published file or checkpoint with --weights=..., or ask for a --list"),
        (["--json"], "--json is a form of the list; ask for --list, too"),
        (["--list", "--output=x.safetensors"], "--output is for a conversion, and --list only lists"),
        (["--list", "--input_size=32"], "--input_size is for a conversion, and --list only lists"),
        (["--list", "--options=width=0.5"], "--options is for a conversion, and --list only lists"),
        (["--input_size=-3"], "flag --input_size=-3: -3 is not a positive integer"),
        (["--weights=x.npz"], "--output is ''; it must be a file that ends in .safetensors"),
        (["--weights=x.npz", "--output=y.npz"], "--output is 'y.npz'; it must be a file that ends in"),
        (["--weights=x.npz", "--output=y.safetensors"], "say which network the file is for, such as"),
        (
            ["--list", "--model=vgg17"],
            "unknown network with a checkpoint 'vgg17' (--model); did you mean",
        ),
        (
            ["--list", "--model=resnet50", "--weights=vgg16.keras_in1k"],
            "vgg16.keras_in1k is of the network vgg16, not resnet50 (--model)",
        ),
        (
            ["--model=vit", "--weights=x.npz", "--output=y.safetensors", "--options=patch"],
            "--options is 'patch'; write it as --options='stages=((32,), (64, 64)), pooling=average'",
        ),
        (["--list", "--weights=nonsense"], "unknown weights 'nonsense' (--weights); the nearest of "),
        (
            ["--weights=vit_ti16.augreg_in21k", "--output=README.md/x.safetensors"],
            "cannot write README.md/x.safetensors: Not a directory; choose another place",
        ),
        (["--list", "--weights=vgg16.keras"], "unknown weights 'vgg16.keras' (--weights); did you mean"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2(without_jax, arguments: list[str], message: str):
    result = vitlab("convert", *arguments, **without_jax)
    assert result.returncode == 2
    assert result.stderr.startswith(f"vitlab convert: {message}")
    assert result.stderr.count("\n") == 1


def test_a_disk_that_cannot_take_the_cache_is_one_line(file: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(published, "write_safetensors", full)
    with pytest.raises(InputError, match=r"cannot write .*converted/.*: No space left on device; free"):
        load(file)
