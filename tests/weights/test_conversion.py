"""A published file under our names: its head, what is no number, what a conversion rests on."""

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
