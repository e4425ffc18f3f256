"""Images are decoded and resized once; what cannot be read is named, what was repaired counted."""

import errno
import tracemalloc
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from vitlab import config
from vitlab.data import pixels as pixels_module
from vitlab.data.collection import align, open_collection
from vitlab.data.dealing import draw_split
from vitlab.data.identity import identify
from vitlab.data.resize import to_square
from vitlab.data.sources import folder
from vitlab.errors import InputError
from vitlab.weights import Preprocessing

EIGHT = Preprocessing(size=8, interpolation="bilinear", crop=0.875, crop_first=False)


def collection(path: Path):
    return open_collection(config.Dataset(path=str(path)), EIGHT, "squash")


def test_pixels_are_those_of_pillow(image_folder):
    path = image_folder({"a": 3, "b": 3})
    found = collection(path)
    store = found.store(np.arange(6))
    inputs = store.fetch(np.array([4, 1]))
    np.testing.assert_array_equal(store.labels, [0, 0, 0, 1, 1, 1])
    for row, pixels in zip((4, 1), inputs, strict=True):
        image = Image.open(path / found.table.paths[row])
        np.testing.assert_array_equal(pixels, image.resize((8, 8), Image.Resampling.BILINEAR))


def test_unreadable_files_are_named_and_left_out_and_repairs_counted(image_folder, capsys):
    path = image_folder({"a": 4, "b": 4})
    (path / "a" / "broken.jpg").write_bytes(b"no image")
    (path / "b" / "empty.png").write_bytes(b"")
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(path / "b" / "clear.png")
    found = collection(path)
    assert found.pixels.unreadable == {"a/broken.jpg": "not an image", "b/empty.png": "an empty file"}
    assert found.pixels.repairs == {"transparency on white": 1}
    assert len(found.table) == 9
    assert not {"a/broken.jpg", "b/empty.png"} & set(found.table.paths)
    said = capsys.readouterr().out
    assert "2 of 11 files cannot be read" in said
    assert "a/broken.jpg: not an image" in said


def test_a_second_run_decodes_nothing(image_folder, monkeypatch):
    path = image_folder({"a": 3, "b": 3})
    first = collection(path)

    def refuse(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr(pixels_module, "to_square", refuse)
    second = collection(path)
    everything = np.arange(6)
    np.testing.assert_array_equal(first.pixels.array[everything], second.pixels.array[everything])
    assert second.pixels.unreadable == first.pixels.unreadable


def test_a_class_without_a_readable_image_is_an_error(image_folder):
    path = image_folder({"a": 3, "b": 0})
    (path / "b" / "x.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match="no image of class 'b' can be read"):
        collection(path)


def test_a_stored_split_finds_renamed_files_and_leaves_new_ones_out(image_folder, capsys):
    path = image_folder({"a": 5, "b": 5})
    before = collection(path)
    split = draw_split(before.table, config.Split((0.6, 0.2, 0.2)), 0)
    (path / "a" / "000.png").rename(path / "a" / "zzz.png")
    Image.new("RGB", (9, 9)).save(path / "b" / "new.png")
    after, aligned = align(collection(path), split)
    assert aligned.hash == split.hash
    assert after.table.ids == before.table.ids
    assert after.table.paths[0] == "a/zzz.png"
    one, other = (found.store(np.arange(10)).fetch(np.arange(10)) for found in (before, after))
    np.testing.assert_array_equal(one, other)
    assert "1 images are not in the split" in capsys.readouterr().out


def test_an_image_of_the_split_that_is_gone_is_named(image_folder):
    path = image_folder({"a": 5, "b": 5})
    split = draw_split(collection(path).table, config.Split((0.6, 0.2, 0.2)), 0)
    (path / "b" / "003.png").unlink()
    with pytest.raises(InputError, match=r"1 images of the split are gone .* b/003\.png"):
        align(collection(path), split)


def test_the_same_pixels_in_other_files_are_one_picture_and_stay_in_one_part(image_folder):
    path = image_folder({"a": 12, "b": 12}, size=40)
    for number in range(6):
        image = Image.open(path / "a" / f"{number:03}.png")
        image.save(path / "a" / f"copy{number}.bmp")  # other bytes, the same pixels
        image.putpixel((0, 0), (1, 2, 3))
        image.resize((80, 80), Image.Resampling.NEAREST).save(path / "a" / f"larger{number}.png")
    found = collection(path)
    pictures = dict(zip(found.table.paths, found.pictures(), strict=True))
    assert len(set(pictures.values())) == 24 + 6
    for number in range(6):
        assert pictures[f"a/copy{number}.bmp"] == pictures[f"a/{number:03}.png"]
    for seed in range(5):
        split = draw_split(found.table, config.Split((0.6, 0.2, 0.2)), seed, found.pictures())
        part = dict(zip(split.table.paths, split.parts, strict=True))
        assert all(part[f"a/copy{number}.bmp"] == part[f"a/{number:03}.png"] for number in range(6))


def test_pictures_that_only_the_small_network_takes_for_one_are_two(image_folder):
    path = image_folder({"a": 3, "b": 3}, size=64)
    image = Image.open(path / "a" / "000.png")
    grid = np.asarray(image).copy()
    grid[0, 0, 0] ^= 1  # lost when it becomes smaller
    Image.fromarray(grid).save(path / "a" / "other.png")
    found = collection(path)
    table = dict(zip(found.table.paths, found.table.ids, strict=True))
    checksums = found.pixels.checksums
    assert checksums[table["a/000.png"]] == checksums[table["a/other.png"]]
    assert len(set(found.pictures())) == 7


def test_a_file_under_the_suffix_of_another_format_counts_by_its_own_name(image_folder):
    """Pixels are kept by content: a copy under the right name needs no repair."""
    path = image_folder({"a": 3, "b": 3})
    content = (path / "a" / "000.png").read_bytes()
    (path / "a" / "wrong.jpg").write_bytes(content)
    assert collection(path).pixels.repairs == {"suffix of another format": 1}
    (path / "a" / "wrong.jpg").rename(path / "a" / "right.png")
    assert collection(path).pixels.repairs == {}


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (256, 256), (20, 500), (2, 3)])
def test_crop_is_the_middle_of_the_image_resized_on_its_shorter_side(size: tuple[int, int]):
    preprocessing = Preprocessing(size=224, interpolation="bilinear", crop=0.875, crop_first=False)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8))
    found = to_square(image, preprocessing, "crop")
    scale = 256 / min(image.size)
    resized = image.resize(
        [int(length * scale + 1e-9) for length in image.size], Image.Resampling.BILINEAR
    )
    left, top = (round((length - 224) / 2) for length in resized.size)
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224)), int)
    assert np.abs(found.astype(int) - expected).max() <= 1  # Pillow may round in another order


def test_crop_first_is_the_same_part_cut_before_it_is_resized():
    preprocessing = Preprocessing(size=56, interpolation="bicubic", crop=0.5, crop_first=True)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3)).astype(np.uint8))
    cut = image.crop((50, 100, 150, 200))
    found = to_square(image, preprocessing, "crop").astype(int)
    inner = slice(4, -4)  # at the border the filter sees what lies outside the cut
    expected = np.asarray(cut.resize((56, 56), Image.Resampling.BICUBIC))[inner, inner]
    assert np.abs(found[inner, inner] - expected).max() <= 1


def test_an_elongated_image_takes_no_more_memory_than_another():
    preprocessing = Preprocessing(size=224, interpolation="bicubic", crop=0.9, crop_first=False)
    for shape in ((1, 20_000, 3), (30_000, 2, 3)):
        image = Image.fromarray(np.full(shape, 77, np.uint8))
        tracemalloc.start()
        pixels = to_square(image, preprocessing, "crop")
        assert (pixels == 77).all()
        assert tracemalloc.get_traced_memory()[1] < 10e6
        tracemalloc.stop()


def test_an_image_that_cannot_be_read_for_the_moment_is_not_forgotten_for_ever(
    image_folder, monkeypatch
):
    path = image_folder({"a": 3, "b": 3}, size=17)
    with monkeypatch.context() as patched:
        patched.setattr(Image, "open", Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))
        with pytest.raises(InputError, match=r"cannot read ./00.\.png: Too many open files; run again"):
            collection(path)
    assert len(collection(path).table) == 6


def test_a_file_that_makes_the_reader_seek_nowhere_is_damaged_not_fatal(image_folder, monkeypatch):
    """As Pillow does with some damaged TIFF files."""
    path = image_folder({"a": 3, "b": 3}, size=14)
    opened = Image.open

    def open_or_fail(file, **settings):
        if str(file).endswith("a/001.png"):
            raise OSError(errno.EINVAL, "Invalid argument")
        return opened(file, **settings)

    monkeypatch.setattr(Image, "open", open_or_fail)
    assert collection(path).pixels.unreadable == {"a/001.png": "Invalid argument"}


def test_an_image_that_only_its_hash_could_not_be_read_of_is_not_used_under_a_false_id(
    image_folder, monkeypatch
):
    path = image_folder({"a": 3, "b": 3}, size=15)
    monkeypatch.setattr(folder, "identify", lambda found: [f"unreadable:{file}" for file in found])
    with pytest.raises(InputError, match=r"was not readable for a moment; run again"):
        collection(path)


def test_a_file_that_cannot_even_be_looked_at_has_an_id_of_its_own(tmp_path: Path):
    (tmp_path / "file").write_text("")
    first, second = identify([tmp_path / "file" / "a.png", tmp_path / "file" / "b.png"])
    assert first != second
    assert first.startswith("unreadable:")
