"""Storages and tensors of a PyTorch file that are not what they say, and archives that are none."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.weights.pytorch_files import Storage, dump, tensor, write
from tests.weights.test_hostile_pickles import STORAGE, VALUES, WHOLE, read, refused
from vitlab.errors import InputError
from vitlab.weights import read_tensors


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("key", ["1", "../data.pkl", "../../../etc/passwd", "/etc/passwd", ""])
def test_a_storage_that_the_archive_does_not_have_is_refused(key: str):
    assert f"it has no storage {key}" in refused(dump({"w": tensor(Storage(key, 6), (6,), (1,))}))


@pytest.mark.parametrize(
    ("size", "stride", "offset", "message"),
    [
        ((2, 3), (4, 1), 0, "reaches out of its storage"),
        ((6,), (1,), 1, "reaches out of its storage"),
        ((2,), (2**62,), 0, "reaches out of its storage"),
        ((1,), (1,), 2**70, "reaches out of its storage"),
        ((6,), (-1,), 5, "impossible sizes or strides"),
        ((2,), (1,), -1, "impossible sizes or strides"),
        ((-2,), (1,), 0, "impossible sizes or strides"),
        ((2, 3), (1,), 0, "impossible sizes or strides"),
        ((2.0,), (1,), 0, "impossible sizes or strides"),
        (("2",), (1,), 0, "impossible sizes or strides"),
        ((100, 100), (0, 0), 0, "repeats its storage"),
        ((2, 2), (1, 1), 0, "w of shape (2, 2) has strides that overlap, (1, 1); refused"),
        ((2, 3), (2, 1), 0, "strides that overlap"),
        ((2, 1, 2), (0, 5, 1), 0, "strides that overlap"),
        ((2, 3), (3, 2), 0, "reaches out of its storage"),
        ((2**40, 2**40), (0, 0), 0, "impossible shape"),
        ((2**200, 0), (0, 0), 0, "impossible shape"),
        ((1,) * 65, (0,) * 65, 0, "impossible shape of 65 axes"),
    ],
)
def test_a_tensor_that_lies_about_its_storage_is_refused(size, stride, offset, message):
    assert message in refused(dump({"w": tensor(STORAGE, size, stride, offset)}))


@pytest.mark.parametrize(
    ("size", "stride"),
    [((3, 2), (1, 3)), ((1, 6), (0, 1)), ((2, 2), (4, 1)), ((1, 2, 1, 3), (1, 3, 1, 1))],
)
def test_transposed_and_cut_tensors_and_axes_of_one_do_not_overlap(size: tuple, stride: tuple):
    found = read(dump({"w": tensor(STORAGE, size, stride)}))["w"]
    steps = [step * VALUES.itemsize for step in stride]
    np.testing.assert_array_equal(found, np.lib.stride_tricks.as_strided(VALUES, size, steps))


@pytest.mark.parametrize("length", [5, 7, 10**9, 2**80, -6])
def test_a_storage_that_lies_about_its_length_is_refused(length: int):
    message = refused(dump({"w": tensor(Storage("0", length), (2,), (1,))}))
    assert "does not fit its 24 bytes" in message or "impossible shape" in message


def test_a_storage_of_two_types_is_refused():
    other = tensor(Storage("0", 3, "DoubleStorage"), (3,), (1,))
    assert "says two things about storage 0" in refused(dump({"w": WHOLE, "v": other}))


def test_many_tensors_that_share_a_storage_may_not_be_far_larger_than_the_file():
    values = np.zeros(10_000, np.float32)
    shared = tensor(Storage("big", 10_000), (10_000,), (1,))
    write(Path("w.pth"), dump({f"t{index}": shared for index in range(1000)}), {"big": values})
    with pytest.raises(InputError, match=r"would unpack to 40000000; refused"):
        read_tensors(Path("w.pth"))


@pytest.mark.parametrize("names", [[], ["a/data.pkl", "b/data.pkl"]])
def test_an_archive_needs_one_description(names: list[str]):
    with zipfile.ZipFile("w.pth", "w") as archive:
        archive.writestr("version", "3")
        for name in names:
            archive.writestr(name, dump({}))
    with pytest.raises(InputError, match=f"it has {len(names)} files data.pkl"):
        read_tensors(Path("w.pth"))


def test_a_big_endian_archive_says_so():
    path = write(Path("w.pth"), dump({"w": WHOLE}), {"0": VALUES})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/byteorder", "big")
    with pytest.raises(InputError, match="big-endian machine; save it again"):
        read_tensors(path)
