"""A split has the shares that were asked for, and keeps together what belongs together."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.test_splits import table
from vitlab import config
from vitlab.data import PARTS, Split, Table, draw_split
from vitlab.errors import InputError

SHARES = (0.7, 0.15, 0.15)


def draw(images: Table, fractions: tuple[float, ...], seed: int) -> Split:
    return draw_split(images, config.Split(fractions), seed)


def with_columns(images: Table, **columns: tuple[str, ...]) -> Table:
    return dataclasses.replace(images, columns=columns)


def parts_of(split: Split, rows) -> list[str]:
    return [split.parts[row] for row in rows]


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(3, 60), min_size=2, max_size=8), seed=st.integers(0, 99))
def test_every_class_and_the_whole_have_the_shares(counts, seed):
    split = draw(table(counts), SHARES, seed)
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
    assert draw(table([100] * 10), SHARES, 0).counts() == {"train": 700, "val": 150, "test": 150}


def test_the_same_seed_is_the_same_split_and_another_is_another():
    images = table([40, 40])
    assert draw(images, SHARES, 1).hash == draw(images, SHARES, 1).hash
    assert draw(images, SHARES, 1).hash != draw(images, SHARES, 2).hash


def test_copies_of_a_file_stay_in_one_part():
    images = table([30, 30])
    doubled = Table(images.ids * 2, images.paths * 2, np.tile(images.labels, 2), images.class_names)
    split = draw(doubled, SHARES, 0)
    assert split.parts[:60] == split.parts[60:]


def test_a_few_more_images_move_only_a_few():
    before = draw(table([100, 100]), SHARES, 0)
    after = draw(table([100, 103]), SHARES, 0)
    stayed = dict(zip(before.table.ids, before.parts, strict=True))
    moved = [identity for identity, part in zip(after.table.ids, after.parts, strict=True)
             if stayed.get(identity, part) != part]  # fmt: skip
    assert len(moved) <= 4


def test_a_class_that_is_too_small_is_named_with_its_count():
    with pytest.raises(InputError, match=r"too few in c1 \(2\), c2 \(1\): add images"):
        draw(table([10, 2, 1]), SHARES, 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_group_is_in_one_part_and_the_shares_are_kept_as_well_as_its_size_allows(data):
    counts = data.draw(st.lists(st.integers(30, 80), min_size=2, max_size=5))
    images = table(counts)
    most = data.draw(st.integers(1, 4))
    # Groups of at most `most` neighbours: they cross from one class into the next.
    groups = tuple(f"g{row // most}" for row in range(len(images)))
    split = draw(with_columns(images, group=groups), SHARES, data.draw(st.integers(0, 9)))
    of_group: dict[str, set[str]] = {}
    for group, part in zip(groups, split.parts, strict=True):
        of_group.setdefault(group, set()).add(part)
    assert all(len(found) == 1 for found in of_group.values())
    for part, share in zip(PARTS, SHARES, strict=True):
        assert abs(split.counts()[part] - share * len(images)) <= len(counts) * most + 1


def test_a_copy_ties_two_groups_together():
    images = table([20, 20])
    ids = ("id1", *images.ids[1:])  # row 0 is a copy of row 1
    groups = ("x", "y", *("",) * 36, "y", "x")
    images = with_columns(dataclasses.replace(images, ids=ids), group=groups)
    for seed in range(5):
        split = draw(images, SHARES, seed)
        assert len(set(parts_of(split, (0, 1, 38, 39)))) == 1


def test_one_large_group_leaves_every_part_with_images_of_its_class():
    images = table([30, 30])
    groups = ("set",) * 27 + ("",) * 33
    for seed in range(10):
        split = draw(with_columns(images, group=groups), SHARES, seed)
        assert set(parts_of(split, range(30))) == set(PARTS)


def test_parts_that_the_source_gives_stay_and_the_missing_one_is_drawn_from_train():
    """S2-01: `train/` and `test/`; the second stays held out."""
    images = table([60, 40])
    given_parts = tuple("test" if row % 5 == 0 else "train" for row in range(100))
    split = draw(with_columns(images, part=given_parts), (0.6, 0.2, 0.2), 0)
    assert [part == "test" for part in split.parts] == [part == "test" for part in given_parts]
    assert split.counts() == {"train": 60, "val": 20, "test": 20}  # .2 of .6 + .2


def test_rows_without_a_part_are_dealt_to_the_parts_that_are_missing():
    images = table([50, 50])
    given_parts = tuple("test" if row % 10 == 0 else "" for row in range(100))
    split = draw(with_columns(images, part=given_parts), (0.6, 0.3, 0.1), 0)
    assert split.counts() == {"train": 60, "val": 30, "test": 10}
    complete = tuple(("train", "val", "test")[row % 3] for row in range(100))
    assert draw(with_columns(images, part=complete), SHARES, 0).parts == complete


def test_a_copy_of_a_test_image_without_a_part_goes_to_the_test_part():
    images = dataclasses.replace(table([10, 10]), ids=("id5", *table([10, 10]).ids[1:]))
    given_parts = tuple("test" if row in (5, 15) else "" for row in range(20))
    assert draw(with_columns(images, part=given_parts), SHARES, 0).parts[0] == "test"


def test_a_picture_that_the_source_puts_into_two_parts_is_warned_of(capsys):
    images = dataclasses.replace(table([10, 10]), ids=("id5", *table([10, 10]).ids[1:]))
    given_parts = tuple("test" if row in (5, 15) else "train" for row in range(20))
    draw(with_columns(images, part=given_parts), SHARES, 0)
    said = capsys.readouterr().out
    assert "1 pictures, the first is c0/0.jpg, stand in more than one part" in said


def test_a_group_that_the_source_puts_into_two_parts_is_warned_of(capsys):
    given_parts = tuple(("train", "val", "test")[row % 3] for row in range(20))
    groups = tuple(f"owner {row // 2}" for row in range(20))
    draw(with_columns(table([10, 10]), part=given_parts, group=groups), SHARES, 0)
    assert "10 groups, the first is 'owner 0', stand in more than one part" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given_parts", "message"),
    [
        (("val", "test"), "there is nothing to train on"),
        (("train", "val", "test", ""), "5 images have no part, the first is c0/3.jpg"),
    ],
)
def test_parts_that_cannot_be_completed_are_refused(given_parts, message):
    images = table([10, 10])
    parts = tuple(given_parts[row % len(given_parts)] for row in range(20))
    with pytest.raises(InputError, match=message):
        draw(with_columns(images, part=parts), SHARES, 0)


def test_a_class_without_a_training_image_is_refused_and_one_without_a_test_image_said(capsys):
    images = table([10, 10])
    with pytest.raises(InputError, match="there is no training image of the class c1"):
        draw(with_columns(images, part=("train",) * 10 + ("test",) * 10), SHARES, 0)
    draw(with_columns(images, part=("train",) * 15 + ("test",) * 5), SHARES, 0)
    assert "no test image of the class c0" in capsys.readouterr().out


def test_test_first_then_val_of_the_rest():
    """S2-06."""
    split = draw_split(table([200, 200]), config.Split(test_then_val=(0.15, 0.2)), 0)
    assert split.counts() == {"train": 272, "val": 68, "test": 60}


@settings(max_examples=20, deadline=None)
@given(folds=st.integers(3, 8), seed=st.integers(0, 9))
def test_folds_test_every_image_once_and_are_stratified(folds, seed):
    """S4-04."""
    images = table([40, 25])
    tested: list[int] = []
    for fold in range(folds):
        split = draw_split(images, config.Split(folds=folds, fold=fold), seed)
        test = split.rows("test").tolist()
        tested += test
        for label, count in enumerate((40, 25)):
            assert abs((images.labels[test] == label).sum() - count / folds) < 2
        rest = len(images) - len(test)
        assert abs(split.counts()["val"] - rest * 0.15 / 0.85) <= 2
    assert sorted(tested) == list(range(len(images)))


def test_folds_keep_groups_together():
    images = with_columns(table([30, 30]), group=tuple(f"g{row // 3}" for row in range(60)))
    for fold in range(5):
        split = draw_split(images, config.Split(folds=5, fold=fold), 0)
        for first in range(0, 60, 3):
            assert len(set(parts_of(split, range(first, first + 3)))) == 1


def test_folds_of_given_parts_are_refused():
    images = with_columns(table([30, 30]), part=("train", "test") * 30)
    with pytest.raises(InputError, match=r"split\.folds draws all parts, but the source gives some"):
        draw_split(images, config.Split(folds=5), 0)
