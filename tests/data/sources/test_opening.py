"""What a path stands for, and which images of a source a config chooses."""

import numpy as np
import pytest

from vitlab import config
from vitlab.data.sources import open_source
from vitlab.errors import InputError


def test_a_folder_named_digits_is_still_reachable(image_folder, monkeypatch):
    monkeypatch.chdir(image_folder({"a": 1, "b": 1}, "digits").parent)
    assert len(open_source(config.Dataset(path="./digits")).table) == 2


def test_some_classes_of_a_source(image_folder):
    """S1-01."""
    path = image_folder({"boxer": 3, "beagle": 2, "pug": 4})
    source = open_source(config.Dataset(path=str(path), classes=("pug", "boxer")))
    assert source.table.class_names == ("boxer", "pug")
    assert source.table.class_counts() == {"boxer": 3, "pug": 4}
    whole = open_source(config.Dataset(path=str(path)))
    for row, place in enumerate(source.table.paths):
        there = whole.read(whole.table.paths.index(place)).image
        np.testing.assert_array_equal(np.asarray(source.read(row).image), np.asarray(there))
        assert place.startswith(source.table.class_names[source.table.labels[row]])


def test_so_many_of_each_class_are_the_same_when_others_come(image_folder):
    path = image_folder({"a": 20, "b": 3})

    def chosen() -> set[str]:
        return set(open_source(config.Dataset(path=str(path), per_class=5)).table.ids)

    before = chosen()
    assert len(before) == 8
    copy = path / "a" / "copy.png"
    copy.write_bytes((path / "a" / "000.png").read_bytes())  # counts for no more than the original
    assert chosen() == before
    (path / "a" / "new.png").write_bytes(b"of another content")
    assert len(chosen() & before) >= 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            dict(classes=("boxer", "bugle")),
            r"unknown class 'bugle' \(dataset.classes\); did you mean beagle",
        ),
        (dict(classes=("boxer", "beagle", "boxer")), r"dataset\.classes names 'boxer' twice"),
        (dict(classes=("boxer",)), "holds images of 1 class; a class is a folder of images"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(image_folder, settings, message: str):
    path = image_folder({"boxer": 1, "beagle": 1})
    with pytest.raises(InputError, match=message):
        open_source(config.Dataset(path=str(path), **settings))


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "no images are given"), ("nowhere", "there is no folder 'nowhere'"), (__file__, "no table")],
)
def test_a_path_to_nothing_is_refused(path: str, message: str):
    with pytest.raises(InputError, match=message):
        open_source(config.Dataset(path=path))


def test_digits_are_1797_different_files_of_ten_classes():
    source = open_source(config.Dataset(path="digits"))
    assert len(source.table) == 1797
    assert len(source.table.class_names) == 10
    image = np.asarray(source.read(0).image)
    assert image.shape == (8, 8, 3)
    assert (image.min(), image.max()) == (0, 239)  # fifteen of sixteen grey levels
