"""A published file under our names: its head, what is no number, what a conversion rests on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.weights.timm_files import SIZES, write_vit
from vitlab.config import Model
from vitlab.errors import InputError
from vitlab.models import draw_blueprint
from vitlab.weights import open_published, published, with_classes

SETTINGS = Model(name="vit", input_size=24, options=SIZES)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small ViT of three classes in timm's layout."""
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    write_vit(tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


@pytest.fixture(scope="module")
def shapes() -> dict[str, tuple[int, ...]]:
    parameters, statistics = draw_blueprint(SETTINGS).shapes
    return {**parameters, **statistics}


def change_head(file: Path, head: dict[str, np.ndarray]) -> None:
    rest = {name: array for name, array in load_file(file).items() if not name.startswith("head.")}
    save_file(rest | head, file)


def test_a_head_is_taken_for_its_own_classes_and_counted_for_others(file: Path, shapes):
    weights = open_published(file, "vit")
    own, other = (weights.fill(with_classes(shapes, classes)) for classes in (3, 5))
    assert (own.has_head, own.classes_in_file) == (True, 3)
    assert (other.has_head, other.classes_in_file) == (False, 3)
    assert own.arrays.keys() - other.arrays.keys() == {"head/kernel", "head/bias"}


def test_a_file_without_a_head_fills_the_rest(file: Path, shapes):
    change_head(file, {})
    filled = open_published(file, "vit").fill(shapes)
    assert (filled.has_head, filled.classes_in_file) == (False, None)
    assert shapes.keys() - filled.arrays.keys() == {"head/kernel", "head/bias"}


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ({"weight": (2, 16), "bias": (3,)}, r"head/kernel: \(16, 2\) in the file, \(16, 3\) in"),
        ({"weight": (3, 9), "bias": (3,)}, r"head/kernel: \(9, 3\) in the file, \(16, 3\) in"),
        ({"weight": (3, 16)}, r"missing: head/bias \(3,\)"),
        ({"bias": (3,)}, r"missing: head/kernel \(16, 3\)"),
    ],
)
def test_a_broken_head_is_refused_and_not_replaced(file: Path, head: dict, row: str):
    change_head(file, {f"head.{name}": np.zeros(shape, np.float32) for name, shape in head.items()})
    with pytest.raises(InputError, match=row):
        draw_blueprint(Model("vit", str(file), input_size=24, options=SIZES))


def test_what_is_no_number_is_told_once_a_time_by_its_published_name(file: Path, shapes, capsys):
    tensors = load_file(file)
    tensors["norm.bias"][:2] = np.nan
    save_file(tensors, file)
    for _ in range(3):  # the first converts, the others read what was converted
        weights = open_published(file, "vit")
        weights.check(shapes)
        weights.fill(shapes)
        warning = f"weights {file} hold NaN or infinity: norm.bias (2 of 16)\n"
        assert capsys.readouterr().err == warning


@pytest.mark.filterwarnings("error")
def test_what_becomes_infinity_in_float32_is_told_each_time_and_nothing_else(file: Path, shapes, capsys):
    tensors = load_file(file)
    large = tensors["norm.bias"].astype(np.float64)
    large[:3] = 1e300, -1e39, 3e38
    save_file(tensors | {"norm.bias": large}, file)
    for _ in range(2):  # the first converts, the second reads what was converted
        arrays = open_published(file, "vit").arrays(shapes)
        warning = f"weights {file} hold NaN or infinity: norm.bias (2 of 16)\n"
        assert capsys.readouterr().err == warning
        np.testing.assert_array_equal(
            arrays["backbone/norm/bias"][:3], np.array([np.inf, -np.inf, 3e38], np.float32)
        )


def in_the_cache(file: Path, suffix: str) -> Path:
    (found,) = (file.parent / "cache" / "converted").glob(f"*{suffix}")
    return found


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def without_header(content: bytes) -> bytes:
    return content[:8] + b"x" * 16 + content[24:]


def with_another_name(content: bytes) -> bytes:
    return content.replace(b'"backbone/norm/bias"', b'"backbone/norm/bios"')


def with_another_shape(content: bytes) -> bytes:
    return content.replace(b"[1, 10, 16]", b"[1, 16, 10]")


@pytest.mark.parametrize("damage", [cut, without_header, with_another_name, with_another_shape])
def test_a_conversion_that_was_damaged_in_the_cache_is_made_again_aloud(
    file: Path, shapes, capsys, damage
):
    weights = open_published(file, "vit")
    expected = weights.arrays(shapes)
    conversion = in_the_cache(file, ".safetensors")
    whole = conversion.read_bytes()
    assert damage(whole) != whole
    conversion.write_bytes(damage(whole))
    assert capsys.readouterr().err == ""
    again = weights.arrays(shapes)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"weights {conversion}")
    assert line.endswith(f"it is a conversion in the cache, and is made again from {file}")
    assert again.keys() == expected.keys()
    for path, array in expected.items():
        np.testing.assert_array_equal(again[path], array)
    assert conversion.read_bytes() == whole
    weights.arrays(shapes)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"",
        b"timm",
        b"[]",
        b'{"publisher": "nobody", "prefix": "", "heads": []}',
        b"[" * 10**5,
    ],
)
def test_a_layout_that_was_damaged_in_the_cache_is_found_again_aloud(file: Path, capsys, content: bytes):
    assert open_published(file, "vit").layout.publisher == "timm"
    note = in_the_cache(file, ".layout")
    note.write_bytes(content)
    assert open_published(file, "vit").layout.publisher == "timm"
    warning = f"{note} in the cache is damaged; the layout of {file} is found again\n"
    assert capsys.readouterr().err == warning
    assert json.loads(note.read_text()) == {"publisher": "timm", "prefix": "", "heads": []}


def test_a_file_of_vitlabs_own_tells_it_once_too(file: Path, tmp_path: Path, shapes, capsys):
    arrays = open_published(file, "vit").arrays(shapes)
    arrays["backbone/norm/bias"][0] = np.inf
    save_file(arrays, tmp_path / "ours.safetensors")
    weights = open_published(tmp_path / "ours.safetensors", "vit")
    weights.check(shapes)
    weights.fill(shapes)
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert warnings[0].endswith("ours.safetensors hold NaN or infinity: backbone/norm/bias (1 of 16)")


@pytest.mark.parametrize("mended", ["layouts/changes.py", "readers/arrays.py"])
def test_a_conversion_rests_on_the_readers_and_the_name_maps(mended: str, tmp_path: Path, monkeypatch):
    for folder in ("layouts", "readers"):
        shutil.copytree(Path(published.__file__).with_name(folder), tmp_path / folder)
    monkeypatch.setattr(published, "__file__", str(tmp_path / "published.py"))
    before = published._code.__wrapped__()
    with open(tmp_path / mended, "a") as code:
        code.write("# mended")
    assert published._code.__wrapped__() != before
