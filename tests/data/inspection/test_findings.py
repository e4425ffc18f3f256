"""What is said of images one by one, of the classes, and of where the images come from."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.inspection.collections import blurred, inspect, photograph, save
from vitlab.data import Table, to_json
from vitlab.data.inspection.balance import judge_balance
from vitlab.data.inspection.measures import measure
from vitlab.data.inspection.pretraining import pretraining_signs
from vitlab.errors import InputError


def test_each_flaw_is_found_the_worst_first(tmp_path: Path):
    folder = tmp_path / "a"
    save(photograph(0), folder / "good.png")
    save(Image.new("RGB", (40, 40), (255, 0, 0)), folder / "red.png")
    for factor in (0.05, 0.1):
        save(
            photograph(1).point(lambda value, factor=factor: factor * value),
            folder / f"dark{factor}.png",
        )
    save(photograph(2).point(lambda value: 245 + value / 25), folder / "bright.png")
    save(blurred(3), folder / "blurred.png")
    inspection = inspect(tmp_path)
    paths = inspection.examined.table.paths
    named = {flaw.name: [paths[row] for row in flaw.rows] for flaw in inspection.flaws}
    assert named["blank"] == ["a/red.png"]
    assert named["very dark"] == ["a/dark0.05.png", "a/dark0.1.png"]
    assert named["very bright"] == ["a/bright.png"]
    assert "a/blurred.png" in named["blurred"]
    assert not any("a/good.png" in found for found in named.values())


def test_the_measures_are_those_of_their_formulas():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30))
    measures = measure(Image.fromarray(pixels.astype(np.uint8)).convert("RGB"))
    laplacian = [
        pixels[row - 1, column] + pixels[row + 1, column] + pixels[row, column - 1]
        + pixels[row, column + 1] - 4 * pixels[row, column]
        for row in range(1, 19)
        for column in range(1, 29)
    ]  # fmt: skip
    np.testing.assert_allclose(measures.sharpness, np.var(laplacian), rtol=1e-5)
    np.testing.assert_allclose(measures.mean, pixels.mean())
    assert measures.spread == pixels.max() - pixels.min()


def test_sharpness_does_not_depend_on_the_size_of_a_photograph():
    large = photograph(0, 1024, 768)
    small = large.resize((256, 192), Image.Resampling.BOX)
    np.testing.assert_allclose(measure(large).sharpness, measure(small).sharpness, rtol=0.02)


def test_repairs_formats_and_unreadable_files_are_counted_and_named(tmp_path: Path):
    """S0-03."""
    save(photograph(0).convert("RGBA").rotate(10), tmp_path / "a" / "alpha.png")
    save(photograph(1).convert("L"), tmp_path / "a" / "grey.jpg")
    save(photograph(2), tmp_path / "a" / "whole.jpg")
    (tmp_path / "a" / "notes.jpg").write_text("no image")
    inspection = inspect(tmp_path)
    assert inspection.repairs() == {"transparency on white": 1, "grey": 1}
    assert inspection.kinds() == {"PNG RGBA": 1, "JPEG L": 1, "JPEG RGB": 1}
    assert inspection.examined.unreadable == {"a/notes.jpg": "not an image"}
    facts = json.loads(json.dumps(to_json(inspection)))
    assert facts["images"] == 3
    assert facts["repaired"] == {"a/alpha.png": ["transparency on white"], "a/grey.jpg": ["grey"]}
    assert facts["sizes"] == [{"width": 160, "height": 120, "images": 3}]


def test_where_nothing_is_an_image_the_first_file_is_named(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_text("no image")
    with pytest.raises(
        InputError, match=r"none of the 1 files .* the first is 'a/1\.jpg': not an image"
    ):
        inspect(tmp_path)


def test_images_of_each_class_are_counted_for_each_part(tmp_path: Path):
    """S2-04."""
    for index, place in enumerate(["train/a/1", "train/a/2", "train/b/1", "test/a/1"]):
        save(photograph(index), tmp_path / f"{place}.png")
    assert inspect(tmp_path).counts() == {"train": {"a": 2, "b": 1}, "test": {"a": 1, "b": 0}}


def test_uneven_classes_are_put_into_words():
    ratio, words = judge_balance({"cat": 300, "dog": 25})
    assert ratio == 12
    assert (
        "The largest class, cat, has 300 images, the smallest, dog, 25: 12.0 times as many" in words[0]
    )
    assert "never answers dog" in words[1]
    assert len(words) == 2
    assert judge_balance({"cat": 100, "x": 0, "dog": 90}) == (
        100 / 90,
        [
            "No image can be read of x: bring them, or leave the class out by naming the others in "
            "dataset.classes."
        ],
    )
    assert judge_balance({"cat": 100, "dog": 90}) == (100 / 90, [])
    assert "Classes of fewer than 20 images: dog (3)" in judge_balance({"cat": 4, "dog": 3})[1][0]


def table(paths: list[str], class_names: tuple[str, ...]) -> Table:
    ids = tuple(map(str, range(len(paths))))
    return Table(ids, tuple(paths), np.zeros(len(paths), np.int32), class_names)


@pytest.mark.parametrize(
    ("place", "paths", "classes", "sign"),
    [
        ("dogs", ["a/1.jpg"], ("n02085620-Chihuahua", "pug"), "1 of 2 classes carries a WordNet number"),
        ("dogs", ["a/n02085620_7.JPEG"], ("a",), "1 of 1 files is named as ImageNet's"),
        ("x", ["a/ILSVRC2012_val_00000001.JPEG"], ("a",), "1 of 1 files is named as ImageNet's"),
        ("tfds:stanford_dogs", ["train/0"], ("pug",), "tfds:stanford_dogs, is that of a set drawn from"),
        ("tfds:imagenet_v2/topimages", ["test/0"], ("pug",), "is that of a set drawn from ImageNet"),
        ("/data/Stanford-Dogs/", ["a/1.jpg"], ("a",), "collection, Stanford-Dogs, is that of a set"),
    ],
)
def test_signs_of_imagenet_are_warned_of(place: str, paths: list[str], classes, sign: str):
    """Mistake 9 of the contract."""
    signs = pretraining_signs(place, table(paths, classes))
    assert len(signs) == 1
    assert sign in signs[0]


def test_a_users_own_dogs_are_no_sign():
    own = table(["dog/IMG_20240131_n1.jpg", "dog/0123456789.jpg"], ("dog", "golden_retriever"))
    assert pretraining_signs("my/dogs", own) == []
    assert pretraining_signs("/home/me/imagenet-project/mine", own) == []
    rare = table(["a/n02085620_7.JPEG", *(f"a/{index}.jpg" for index in range(300))], ("a",))
    assert pretraining_signs("own", rare) == []


def test_signs_of_imagenet_are_none_of_weights_that_never_saw_it():
    dogs = table(["a/n02085620_7.JPEG"], ("n02085620-Chihuahua",))
    assert pretraining_signs("imagenet", dogs, "LAION-2B") == []
    for data in ("ImageNet-1k", "ImageNet-21k, ImageNet-1k", None):
        assert len(pretraining_signs("imagenet", dogs, data)) == 3


@pytest.mark.assets
def test_stanford_dogs_are_known_for_imagenets(assets: Path):
    signs = pretraining_signs("dogs", inspect(assets / "data" / "dogs").examined.table)
    assert "3 of 3 classes carry a WordNet number" in signs[0]
    assert "453 of 453 files" in signs[1]
