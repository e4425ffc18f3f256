"""A split is written down, and known by its hash."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from vitlab.data import Split, Table, read_split, write_split
from vitlab.errors import InputError


def table(counts: list[int]) -> Table:
    """`counts[i]` different images of class i."""
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    rows = range(len(labels))
    return Table(
        ids=tuple(f"id{row}" for row in rows),
        paths=tuple(f"c{label}/{row}.jpg" for row, label in zip(rows, labels, strict=True)),
        labels=labels,
        class_names=tuple(f"c{index}" for index in range(len(counts))),
    )


def test_the_hash_depends_neither_on_paths_nor_on_the_order_of_rows():
    split = Split(table([10, 10]), ("train", "train", "val", "test") * 5)
    order = np.random.default_rng(0).permutation(20)
    moved = Split(
        Table(
            tuple(split.table.ids[row] for row in order),
            tuple(f"elsewhere/{row}" for row in order),
            split.table.labels[order],
            split.table.class_names,
        ),
        tuple(split.parts[row] for row in order),
    )
    assert moved.hash == split.hash
    swapped = Split(split.table, ("test", *split.parts[1:]))
    assert swapped.hash != split.hash


def test_a_split_comes_back_from_its_file(tmp_path: Path):
    names = ("plain.jpg", 'a, "b".jpg', "new\nline.jpg", "=cmd()", "été 🐈.jpg", "bad\udcff.jpg")
    images = Table(
        tuple(f"id{row}" for row in range(6)), names, np.array([0, 1] * 3, np.int32), ("x, y", "z")
    )
    others = {
        "group": ("a", "", "b, c") * 2,
        "licence": ("\n", '"', "CC", "\r", "x\r\ny", "z" * 200_000),
    }
    images = dataclasses.replace(images, columns={"part": ("train",) * 6, **others})
    split = Split(images, ("train", "val", "test") * 2)
    write_split(split, tmp_path / "split.csv")
    found = read_split(tmp_path / "split.csv")
    assert (found.table.ids, found.table.paths) == (images.ids, images.paths)
    assert found.table.columns == others
    assert (found.parts, found.hash) == (split.parts, split.hash)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "its first columns must be id,path,label,part"),
        ("id,path,label,part\n1,2,3\n", "its first columns must be"),
        ("id,path,label,part\n1,p,x,holdout\n", "has the part 'holdout'"),
        ("id,path,label,part\n", "names no images"),
        ("id,path,label,part\n" + "z" * 2_000_000, "is no split: field larger than field limit"),
    ],
)
def test_a_file_that_is_no_split_is_refused(tmp_path: Path, text: str, message: str):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_split(tmp_path / "split.csv")
