"""Folders as people have them."""

import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitlab import config, runtime
from vitlab.data.decode import DecodeError
from vitlab.data.sources import open_source
from vitlab.errors import InputError


def folder(path: Path):
    return open_source(config.Dataset(path=str(path)))


def test_the_class_is_the_folder_at_the_top(image_folder):
    path = image_folder({"b": 2, "a": 1})
    deep = path / "a" / "more" / "deeper"
    deep.mkdir(parents=True)
    (path / "b" / "000.png").rename(deep / "x.png")
    (path / "b" / ".hidden.png").write_bytes(b"")
    (path / ".git").mkdir()
    table = folder(path).table
    assert table.class_names == ("a", "b")
    assert table.paths == ("a/000.png", "a/more/deeper/x.png", "b/001.png")
    np.testing.assert_array_equal(table.labels, [0, 0, 1])


def test_an_id_is_the_sha256_of_the_bytes_and_follows_a_change(image_folder):
    path = image_folder({"a": 2, "b": 1})
    (path / "a" / "copy.png").write_bytes((path / "a" / "000.png").read_bytes())
    ids = dict(zip(folder(path).table.paths, folder(path).table.ids, strict=True))
    assert ids["a/copy.png"] == ids["a/000.png"] != ids["a/001.png"]
    (path / "a" / "000.png").write_bytes(b"changed")
    changed = dict(zip(folder(path).table.paths, folder(path).table.ids, strict=True))
    assert changed["a/000.png"] not in ids.values()
    assert changed["a/001.png"] == ids["a/001.png"]


def test_an_id_follows_a_change_that_keeps_size_and_time(image_folder):
    path = image_folder({"a": 1, "b": 1})
    file = path / "a" / "000.png"
    before, content, status = folder(path).table.ids, bytearray(file.read_bytes()), file.stat()
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert folder(path).table.ids[0] != before[0]


def test_a_damaged_memory_of_hashes_is_made_again(image_folder, capsys):
    path = image_folder({"a": 2, "b": 1})
    before = folder(path).table.ids
    (runtime.cache_folder("hashes") / "files.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 200)
    assert folder(path).table.ids == before
    assert "files.sqlite is damaged" in capsys.readouterr().out


def test_an_empty_class_folder_is_said_and_left_out(image_folder, capsys):
    path = image_folder({"a": 1, "b": 1})
    (path / "nothing").mkdir()
    assert folder(path).table.class_names == ("a", "b")
    assert "nothing is empty; it is left out" in capsys.readouterr().out


def test_a_loop_of_links_ends_and_is_said(image_folder, capsys):
    path = image_folder({"a": 1, "b": 1})
    os.symlink(path, path / "a" / "again")
    assert len(folder(path).table) == 2
    assert "a/again is a link to a folder; what is in it is left out" in capsys.readouterr().out


@pytest.mark.parametrize("target", [".", "..", "a/../../images"])
def test_a_class_that_is_a_link_to_the_whole_is_refused(image_folder, target: str):
    path = image_folder({"a": 1, "b": 1})
    os.symlink(target, path / "again")
    with pytest.raises(InputError, match=r"again is a link to a folder that holds it; remove the link"):
        folder(path)


def test_a_link_to_itself_is_an_unreadable_file(image_folder):
    path = image_folder({"a": 1, "b": 1})
    os.symlink("loop.png", path / "a" / "loop.png")
    source = folder(path)
    row = source.table.paths.index("a/loop.png")
    with pytest.raises(DecodeError, match="not a file that can be opened"):
        source.read(row)


def test_images_beside_the_class_folders_are_said_and_left_out(image_folder, capsys):
    path = image_folder({"a": 1, "b": 1})
    for name in ("lost\n.JPG", "notes.txt"):
        (path / name).write_bytes(b"")
    assert len(folder(path).table) == 2
    assert "1 image in" in (said := capsys.readouterr().out)
    assert said.endswith("is in no class folder and left out:\n  lost\\n.JPG\n")


def test_train_and_test_folders_are_parts(image_folder):
    """S2-01."""
    path = image_folder({"b": 2, "a": 1}, "whole/Train").parent
    image_folder({"b": 1}, "whole/test")
    table = folder(path).table
    assert table.class_names == ("a", "b")
    assert table.paths == ("Train/a/000.png", "Train/b/000.png", "Train/b/001.png", "test/b/000.png")
    assert table.column("part") == ("train", "train", "train", "test")


def test_a_folder_of_images_beside_the_parts_is_refused(image_folder):
    """Or train and test would be classes, and the network would train on what was held out."""
    path = image_folder({"a": 1, "b": 1}, "whole/train").parent
    image_folder({"a": 1, "b": 1}, "whole/test")
    image_folder({"x": 1}, "whole/unlabeled")
    with pytest.raises(InputError, match="beside them one with images that is none, 'unlabeled'; move"):
        folder(path)


def test_folders_without_images_beside_the_parts_are_said_and_left_out(image_folder, capsys):
    path = image_folder({"a": 1, "b": 1}, "whole/train").parent
    image_folder({"a": 1, "b": 1}, "whole/test")
    for name in ("annotations", "__MACOSX"):
        (path / name).mkdir()
        (path / name / "a.xml").write_text("<a/>")
    Image.new("RGB", (5, 5)).save(path / "train" / "loose.png")
    assert folder(path).table.column("part") == ("train", "train", "test", "test")
    said = capsys.readouterr().out
    assert "are no parts and hold no images; they are left out:\n  annotations\n" in said
    assert "train is in no class folder and left out:\n  loose.png" in said


def test_trains_may_be_a_class(image_folder, capsys):
    path = image_folder({"train": 1, "plane": 1})
    assert folder(path).table.class_names == ("plane", "train")
    assert capsys.readouterr().out == ""
    (path / "train" / "steam").mkdir()
    folder(path)
    assert (
        "train is taken for a class, though it is named as a part and holds" in capsys.readouterr().out
    )


def test_classes_that_differ_by_case_or_spaces_are_warned_of(image_folder, capsys):
    path = image_folder({"Wrist Watch": 1, "wristwatch": 1, "clock": 1})
    assert len(folder(path).table.class_names) == 3
    said = capsys.readouterr().out
    assert "differ by case or spaces alone: 'Wrist Watch', 'wristwatch'" in said


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "holds no folders; a class is a folder of images"),
        ({"only": 3}, "holds images of 1 class; a class is a folder of images"),
        ({"train": 2, "test": 2}, "train holds no folders; a class is a folder of images"),
        ({"train": 1, "training": 1}, "holds one part twice: train, training"),
    ],
)
def test_a_folder_of_another_shape_is_refused(image_folder, counts, message: str):
    path = image_folder(counts)
    path.mkdir(exist_ok=True)
    with pytest.raises(InputError, match=message):
        folder(path)


@pytest.mark.slow
def test_a_hundred_thousand_files_seen_before_open_soon_and_take_less_than_1_kb_each(tmp_path: Path):
    for index in range(100_000):
        if index % 20_000 == 0:
            (tmp_path / "images" / f"class{index}").mkdir(parents=True)
        (tmp_path / "images" / f"class{index // 20_000 * 20_000}" / f"{index}.png").write_bytes(
            b"%d" % index
        )
    first = folder(tmp_path / "images")
    tracemalloc.start()
    second = folder(tmp_path / "images")
    assert tracemalloc.get_traced_memory()[1] < 1000 * 100_000
    tracemalloc.stop()
    assert second.table.ids == first.table.ids
    started = time.process_time()  # not the clock: other work may run beside the tests
    folder(tmp_path / "images")
    assert time.process_time() - started < 10
