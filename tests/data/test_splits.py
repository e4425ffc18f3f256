"""A split has the shares that were asked for, keeps copies together, and is written down."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitlab.data import PARTS, Table, read_split, stratified, write_split
from vitlab.errors import InputError

SHARES = (0.7, 0.15, 0.15)


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


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(3, 60), min_size=2, max_size=8), seed=st.integers(0, 99))
def test_every_class_and_the_whole_have_the_shares(counts, seed):
    split = stratified(table(counts), SHARES, seed)
    parts = np.array(split.parts)
    for label, count in enumerate(counts):
        for part, share in zip(PARTS, SHARES, strict=True):
            size = (parts[split.table.labels == label] == part).sum()
            assert size >= 1
            assert abs(size - share * count) < 2
    if min(counts) >= 7:  # below, one image each is more than the share
        for part, share in zip(PARTS, SHARES, strict=True):
            assert abs((parts == part).sum() - share * sum(counts)) <= 1


def test_ten_classes_of_a_hundred_are_cut_exactly():
    assert stratified(table([100] * 10), SHARES, 0).counts() == {"train": 700, "val": 150, "test": 150}


def test_the_same_seed_is_the_same_split_and_another_is_another():
    images = table([40, 40])
    assert stratified(images, SHARES, 1).hash == stratified(images, SHARES, 1).hash
    assert stratified(images, SHARES, 1).hash != stratified(images, SHARES, 2).hash


def test_copies_of_a_file_stay_in_one_part():
    images = table([30, 30])
    doubled = Table(images.ids * 2, images.paths * 2, np.tile(images.labels, 2), images.class_names)
    split = stratified(doubled, SHARES, 0)
    assert split.parts[:60] == split.parts[60:]


def test_a_few_more_images_move_only_a_few():
    before = stratified(table([100, 100]), SHARES, 0)
    after = stratified(table([100, 103]), SHARES, 0)
    stayed = dict(zip(before.table.ids, before.parts, strict=True))
    moved = [identity for identity, part in zip(after.table.ids, after.parts, strict=True)
             if stayed.get(identity, part) != part]  # fmt: skip
    assert len(moved) <= 4


def test_the_hash_depends_neither_on_paths_nor_on_the_order_of_rows():
    split = stratified(table([10, 10]), SHARES, 0)
    order = np.random.default_rng(0).permutation(20)
    moved = type(split)(
        Table(
            tuple(split.table.ids[row] for row in order),
            tuple(f"elsewhere/{row}" for row in order),
            split.table.labels[order],
            split.table.class_names,
        ),
        tuple(split.parts[row] for row in order),
    )
    assert moved.hash == split.hash
    swapped = type(split)(split.table, ("test", *split.parts[1:]))
    assert swapped.hash != split.hash or split.parts[0] == "test"


def test_a_class_that_is_too_small_is_named_with_its_count():
    with pytest.raises(InputError, match=r"too few in c1 \(2\), c2 \(1\): add images"):
        stratified(table([10, 2, 1]), SHARES, 0)


def test_a_split_comes_back_from_its_file(tmp_path: Path):
    names = ("plain.jpg", 'a, "b".jpg', "new\nline.jpg", "=cmd()", "été 🐈.jpg", "bad\udcff.jpg")
    images = Table(
        tuple(f"id{row}" for row in range(6)), names, np.array([0, 1] * 3, np.int32), ("x, y", "z")
    )
    split = type(stratified(table([3, 3]), SHARES, 0))(images, ("train", "val", "test") * 2)
    write_split(split, tmp_path / "split.csv")
    found = read_split(tmp_path / "split.csv")
    assert (found.table.ids, found.table.paths) == (images.ids, images.paths)
    assert (found.parts, found.hash) == (split.parts, split.hash)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "its columns must be id,path,label,part"),
        ("id,path,label,part\n1,2,3\n", "its columns must be"),
        ("id,path,label,part\n1,p,x,holdout\n", "has the part 'holdout'"),
    ],
)
def test_a_file_that_is_no_split_is_refused(tmp_path: Path, text: str, message: str):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_split(tmp_path / "split.csv")
