"""The clean copy holds what is sound, says what was done with each image, and touches nothing else."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.data.inspection.collections import inspect, photograph, save
from vitlab import config
from vitlab.data import inspect_source, open_source, write_clean_copy
from vitlab.data.decode import decode
from vitlab.data.inspection import cleaning
from vitlab.errors import InputError


def content(folder: Path) -> dict[str, str]:
    """The hash of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def clean(path: Path, target: Path) -> dict[str, tuple[str, str, str]]:
    """What fixed.csv says: source to action, reason, target."""
    write_clean_copy(inspect(path), target, private=False)
    with open(target / "fixed.csv", encoding="utf-8", newline="") as file:
        return {
            row["source"]: (row["action"], row["reason"], row["target"]) for row in csv.DictReader(file)
        }


def test_what_is_sound_is_copied_and_what_is_not_is_named(tmp_path: Path):
    images = tmp_path / "images"
    save(photograph(0), images / "cat" / "whole.jpg")
    save(photograph(1).convert("RGBA").rotate(9), images / "cat" / "alpha.png")
    save(photograph(2), images / "cat" / "wrong.png", format="JPEG")
    save(photograph(3).convert("L"), images / "dog" / "grey.jpg")
    save(photograph(4), images / "dog" / "twice.png")
    save(photograph(4), images / "dog" / "twice_more.bmp")
    save(photograph(5), images / "dog" / "cat?.png")
    save(photograph(5), images / "cat" / "dog?.png")
    (images / "dog" / "broken.jpg").write_text("no image")
    before = content(images)
    actions = clean(images, tmp_path / "clean")
    both = "the same picture stands under cat and dog"
    assert actions == {
        "cat/whole.jpg": ("copied", "", "cat/whole.jpg"),
        "cat/alpha.png": ("rewritten as RGB", "transparency on white", "cat/alpha.png"),
        "cat/wrong.png": ("copied under another name", "suffix of another format", "cat/wrong.jpg"),
        "cat/dog?.png": ("left out", both, ""),
        "dog/cat?.png": ("left out", both, ""),
        "dog/grey.jpg": ("rewritten as RGB", "grey", "dog/grey.jpg"),
        "dog/twice.png": ("copied", "", "dog/twice.png"),
        "dog/twice_more.bmp": ("left out", "same pixels as dog/twice.png", ""),
        "dog/broken.jpg": ("left out", "unreadable: not an image", ""),
    }
    after = content(tmp_path / "clean")
    assert set(after) == {target for _, _, target in actions.values() if target} | {"fixed.csv"}
    assert after["cat/whole.jpg"] == before["cat/whole.jpg"]
    assert after["cat/wrong.jpg"] == before["cat/wrong.png"]
    np.testing.assert_array_equal(
        np.asarray(decode(tmp_path / "clean" / "cat" / "alpha.png").image),
        np.asarray(decode(images / "cat" / "alpha.png").image),
    )
    assert content(images) == before


def test_a_clean_copy_has_nothing_left_to_clean(tmp_path: Path):
    for seed in range(4):
        save(
            photograph(seed).convert("L" if seed % 2 else "RGB"),
            tmp_path / "images" / "a" / f"{seed}.jpg",
        )
    clean(tmp_path / "images", tmp_path / "once")
    again = inspect(tmp_path / "once")
    assert again.repairs() == {}
    assert again.copies == ()
    actions = clean(tmp_path / "once", tmp_path / "twice")
    assert {action for action, _, _ in actions.values()} == {"copied"}


def test_parts_stay_and_a_copy_stays_in_the_test(tmp_path: Path):
    for index, place in enumerate(["train/a/1", "train/b/1", "test/a/1", "test/b/1"]):
        save(photograph(index), tmp_path / "images" / f"{place}.png")
    save(photograph(2), tmp_path / "images" / "train" / "a" / "leak.png")
    actions = clean(tmp_path / "images", tmp_path / "clean")
    assert actions["train/a/leak.png"] == ("left out", "same file as test/a/1.png", "")
    assert actions["test/a/1.png"] == ("copied", "", "test/a/1.png")
    assert inspect(tmp_path / "clean").counts() == {"train": {"a": 1, "b": 1}, "test": {"a": 1, "b": 1}}


def test_files_of_one_name_get_numbers_and_classes_of_a_tree_become_folders(tmp_path: Path):
    for index, folder in enumerate(("x", "y")):
        save(photograph(index), tmp_path / folder / "1.png")
    (tmp_path / "t.csv").write_text("path,label\nx/1.png,A/B\ny/1.png,A/B\n")
    inspection = inspect(tmp_path / "t.csv")
    write_clean_copy(inspection, tmp_path / "clean", private=False)
    assert set(content(tmp_path / "clean")) == {"A-B/1.png", "A-B/1-2.png", "fixed.csv"}


def test_a_file_that_changes_after_it_was_looked_at_is_not_copied(tmp_path: Path):
    for index in range(4):
        save(photograph(index), tmp_path / "images" / "ab"[index % 2] / f"{index}.png")
    inspection = inspect(tmp_path / "images")
    (tmp_path / "images" / "b" / "1.png").write_bytes(b"garbage now")
    with pytest.raises(InputError, match=r"'b/1\.png' has changed since it was looked at; run again"):
        write_clean_copy(inspection, tmp_path / "clean", private=False)
    assert {path.name for path in tmp_path.iterdir()} == {"images"}


def test_rows_that_contradict_each_other_are_in_the_list_of_what_was_left_out(tmp_path: Path):
    for index in range(3):
        save(photograph(index), tmp_path / f"{index}.png")
    (tmp_path / "t.csv").write_text("path,label\n0.png,a\n1.png,a\n1.png,b\n2.png,b\n0.png,\n")
    inspection = inspect(tmp_path / "t.csv")
    assert [remark.about for remark in inspection.remarks] == [
        ("line 6: 0.png",),
        ("line 3: 1.png", "line 4: 1.png"),
    ]
    assert [remark.left_out for remark in inspection.remarks] == [(), ("1.png",)]
    actions = clean(tmp_path / "t.csv", tmp_path / "clean")
    action, reason, target = actions["1.png"]
    assert (action, target) == ("left out", "")
    assert "name an image of which another row says something else" in reason


def test_a_turned_photograph_keeps_its_colour_profile_and_cmyk_loses_it(tmp_path: Path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    save(photograph(0), tmp_path / "images/a/turned.jpg", exif=exif, icc_profile=profile)
    save(photograph(1).convert("CMYK"), tmp_path / "images/a/ink.jpg", icc_profile=profile)
    clear = photograph(2).convert("RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    save(clear, tmp_path / "images/a/clear.png", icc_profile=profile)
    save(photograph(3).convert("P"), tmp_path / "images/a/palette.png", icc_profile=profile)
    write_clean_copy(inspect(tmp_path / "images"), tmp_path / "clean", private=False)
    with (
        Image.open(tmp_path / "clean/a/turned.jpg") as turned,
        Image.open(tmp_path / "clean/a/ink.jpg") as ink,
    ):
        assert turned.info["icc_profile"] == profile
        assert "icc_profile" not in ink.info


def test_names_that_are_too_long_for_a_disk_are_cut_and_stay_apart(tmp_path: Path):
    """A label of a table may be a sentence of 300 letters; the list keeps it whole."""
    labels = ["é" * 150 + end for end in ("x", "y")]
    for index, folder in enumerate(("x", "y")):
        save(photograph(index), tmp_path / folder / f"{'n' * 240}.png")
    rows = [f"{folder}/{'n' * 240}.png,{label}\n" for folder, label in zip("xy", labels, strict=True)]
    (tmp_path / "t.csv").write_text("path,label\n" + "".join(rows))
    write_clean_copy(inspect(tmp_path / "t.csv"), tmp_path / "clean", private=False)
    folders = [path for path in (tmp_path / "clean").iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert all(path.name.startswith("é" * 80) for path in folders)
    assert all(len(list(path.iterdir())) == 1 for path in folders)
    assert all(label in (tmp_path / "clean/fixed.csv").read_text() for label in labels)


def test_the_list_of_what_was_done_is_a_table_of_the_copy_with_all_columns(tmp_path: Path):
    for index in range(4):
        save(photograph(index), tmp_path / f"{index}.png")
    rows = [
        "0.png,A/B,test,ann,x",
        "1.png,A/B,,bob,y",
        "2.png,C,,,",
        "3.png,C,train,ann,z",
        "4.png,C,,,",
    ]
    (tmp_path / "t.csv").write_text("\n".join(["path,label,use,who,source", *rows]))
    columns = config.Columns(part="use", group="who", kept=("source",))
    inspection = inspect_source(
        open_source(config.Dataset(f"{tmp_path}/t.csv", columns=columns), 1), "t"
    )
    write_clean_copy(inspection, tmp_path / "clean", private=False)
    columns = config.Columns("target", "label", "part", "group", kept=("table source",))
    table = open_source(config.Dataset(f"{tmp_path}/clean/fixed.csv", columns=columns), 1).table
    assert table.paths == ("A-B/0.png", "A-B/1.png", "C/2.png", "C/3.png")
    assert table.class_names == ("A/B", "C")
    assert table.column("part") == ("test", "", "", "train")
    assert table.column("group") == ("ann", "bob", "", "ann")
    assert table.column("table source") == ("x", "y", "", "z")


def test_what_may_not_be_republished_needs_a_switch(tmp_path: Path):
    """S0-02."""
    for index in range(2):
        save(photograph(index), tmp_path / f"{index}.png")
    (tmp_path / "t.csv").write_text("path,label,public\n0.png,a,yes\n1.png,a,no\n")
    settings = config.Dataset(path=f"{tmp_path}/t.csv", columns=config.Columns(republish="public"))
    inspection = inspect_source(open_source(settings, 1), "t.csv")
    write_clean_copy(inspection, tmp_path / "open", private=False)
    assert set(content(tmp_path / "open")) == {"a/0.png", "fixed.csv"}
    write_clean_copy(inspection, tmp_path / "all", private=True)
    assert set(content(tmp_path / "all")) == {"a/0.png", "a/1.png", "fixed.csv"}


def test_a_copy_that_fails_half_way_is_not_there(tmp_path: Path):
    for seed in range(3):
        save(photograph(seed), tmp_path / "images" / "a" / f"{seed}.png")
    inspection = inspect(tmp_path / "images")
    (tmp_path / "images" / "a" / "2.png").unlink()
    with pytest.raises(InputError, match=r"'a/2\.png' has changed while it was copied: No such file"):
        write_clean_copy(inspection, tmp_path / "clean", private=False)
    assert {path.name for path in tmp_path.iterdir()} == {"images"}


def test_two_classes_that_would_share_a_folder_are_refused():
    with pytest.raises(InputError, match=r"the classes 'A/b' and 'a-B' would share a folder"):
        cleaning.class_folders(("A/b", "c", "a-B"))


def test_a_photograph_that_lies_on_its_side_is_turned_for_good(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(photograph(0), tmp_path / "images" / "a" / "0.jpg", exif=exif, quality=95)
    clean(tmp_path / "images", tmp_path / "clean")
    turned = decode(tmp_path / "clean" / "a" / "0.jpg")
    assert turned.repairs == frozenset()
    upright = decode(tmp_path / "images" / "a" / "0.jpg").image
    difference = np.abs(np.asarray(turned.image, int) - np.asarray(upright, int))
    assert difference.mean() < 2
