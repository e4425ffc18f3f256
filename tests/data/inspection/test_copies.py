"""Copies of a picture are found, whatever became of them; different pictures are not."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.inspection.collections import inspect, photograph, save
from vitlab.data import Split, Table
from vitlab.data.inspection.measures import measure
from vitlab.data.inspection.near import near_pairs
from vitlab.errors import InputError


def found(path: Path, **others: object) -> list[tuple[str, tuple[str, ...]]]:
    """The kind and the paths of each group of copies."""
    inspection = inspect(path, **others)
    paths = inspection.examined.table.paths
    return [(one.kind, tuple(paths[row] for row in one.rows)) for one in inspection.copies]


def compressed(image: Image.Image) -> Image.Image:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=40)
    return Image.open(content).convert("RGB")


def cut(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((round(0.04 * width), round(0.03 * height), round(0.98 * width), height))


CHANGES = {
    "compressed again": compressed,
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "squashed": lambda image: image.resize((150, 150)),
    "cut a little": cut,
    "darker": lambda image: image.point(lambda value: 0.9 * value),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_different_photographs(tmp_path: Path, change: str):
    for seed in range(8):
        save(photograph(seed), tmp_path / "a" / f"{seed}.png")
    save(CHANGES[change](photograph(3)), tmp_path / "a" / "copy.png")
    assert found(tmp_path) == [("nearly the same", ("a/3.png", "a/copy.png"))]


def test_the_same_file_and_the_same_pixels_are_told_apart(tmp_path: Path):
    for seed in range(3):
        save(photograph(seed), tmp_path / "a" / f"{seed}.png")
    (tmp_path / "a" / "file.png").write_bytes((tmp_path / "a" / "0.png").read_bytes())
    save(photograph(1), tmp_path / "a" / "pixels.bmp")
    assert sorted(found(tmp_path)) == [
        ("same file", ("a/0.png", "a/file.png")),
        ("same pixels", ("a/1.png", "a/pixels.bmp")),
    ]


def test_one_thing_in_two_colours_is_two_pictures(tmp_path: Path):
    grey = photograph(1).convert("L")
    half = grey.point(lambda value: value // 2)
    save(Image.merge("RGB", (grey, half, half)), tmp_path / "a" / "red.png")
    save(Image.merge("RGB", (half, half, grey)), tmp_path / "a" / "blue.png")
    assert found(tmp_path) == []


def test_one_scene_with_another_thing_in_it_is_two_pictures(tmp_path: Path):
    """Their fingerprints are close: it is the second look that tells them apart."""
    scene, other = photograph(1), photograph(1)
    other.paste(photograph(2).resize((48, 36)), (60, 40))
    prints = [int(measure(image).print) for image in (scene, other)]
    assert 0 < (prints[0] ^ prints[1]).bit_count() <= 16
    save(scene, tmp_path / "a" / "1.png")
    save(other, tmp_path / "a" / "2.png")
    assert found(tmp_path) == []


def test_the_same_picture_under_two_labels_and_in_two_parts_is_named(tmp_path: Path):
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            save(photograph(len(part) + len(label) * ord(label[0])), tmp_path / part / label / "own.png")
    save(photograph(50), tmp_path / "train" / "cat" / "one.png")
    save(compressed(photograph(50)), tmp_path / "test" / "dog" / "one.png")
    copies = inspect(tmp_path).copies
    pair = next(one for one in copies if len(one.classes) > 1)
    assert pair.kind == "nearly the same"
    assert pair.classes == ("cat", "dog")
    assert pair.parts == ("test", "train")


def test_copies_across_the_parts_of_a_stored_split_are_named(tmp_path: Path):
    save(photograph(0), tmp_path / "a" / "0.png")
    save(photograph(1), tmp_path / "a" / "1.png")
    save(compressed(photograph(1)), tmp_path / "a" / "2.png")
    table = inspect(tmp_path).examined.table
    assert inspect(tmp_path).copies[0].parts == ()
    split = Split(table, ("train", "train", "val"))
    assert inspect(tmp_path, split=split).copies[0].parts == ("train", "val")


def test_a_split_of_other_images_is_refused(tmp_path: Path):
    save(photograph(0), tmp_path / "a" / "0.png")
    other = Table(("x",), ("a/9.png",), np.zeros(1, np.int32), ("a",))
    with pytest.raises(InputError, match=r"no image of .* is in the split"):
        inspect(tmp_path, split=Split(other, ("train",)))


def test_what_the_network_does_not_agree_to_is_no_copy(tmp_path: Path):
    save(photograph(0), tmp_path / "a" / "0.png")
    save(compressed(photograph(0)), tmp_path / "a" / "1.png")
    assert len(found(tmp_path)) == 1
    assert found(tmp_path, check=lambda examined, pairs: []) == []


def test_pictures_of_one_colour_or_a_few_pixels_are_not_near_copies(tmp_path: Path):
    for shade in (100, 103):
        save(Image.new("RGB", (64, 64), (shade,) * 3), tmp_path / "a" / f"{shade}.png")
    for seed in (1, 2):
        ramp = np.tile(np.arange(0, 80, 10) + seed, (8, 1)).astype(np.uint8)
        save(Image.fromarray(ramp), tmp_path / "a" / f"ramp{seed}.png")
    assert found(tmp_path) == []


def test_all_pairs_are_looked_at_across_the_blocks():
    """1100 pictures are three blocks; the copies stand at the ends of them."""
    generator = np.random.default_rng(0)
    looks = generator.integers(0, 256, (1100, 32, 32)).astype(np.uint8)
    for first, second in ((0, 1099), (511, 512), (600, 601)):
        looks[second] = looks[first]
    prints = np.array([measure(Image.fromarray(look).convert("RGB")).print for look in looks])
    pairs = near_pairs(prints, looks, np.zeros((1100, 3)))
    assert {(pair.first, pair.second) for pair in pairs} == {(0, 1099), (511, 512), (600, 601)}
    assert all(pair.likeness > 0.999 for pair in pairs)


@pytest.mark.assets
def test_copies_of_real_photographs_are_found_and_other_dogs_are_not(assets: Path, tmp_path: Path):
    photographs = sorted((assets / "data" / "dogs" / "n02108089-boxer").iterdir())[:60]
    for file in photographs:
        save(Image.open(file).convert("RGB"), tmp_path / "boxer" / f"{file.stem}.png")
    changes = list(CHANGES.values())
    expected = set()
    for index, file in enumerate(photographs[:20]):
        copy = changes[index % len(changes)](Image.open(file).convert("RGB"))
        save(copy, tmp_path / "boxer" / f"{file.stem}-copy.png")
        expected.add((f"boxer/{file.stem}-copy.png", f"boxer/{file.stem}.png"))
    assert {paths for _, paths in found(tmp_path)} == expected
