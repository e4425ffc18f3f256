"""Files from before PyTorch 1.6 are several pickles in a row: none of them runs anything either."""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.weights.pytorch_files import Call, Storage, before_zip, dump, tensor
from vitlab.errors import InputError
from vitlab.weights import read_tensors

VALUES = np.arange(6, dtype=np.float32)
WHOLE = tensor(Storage("0", 6), (6,), (1,))
ATTACK = dump(Call("os", "system", ("touch PWNED",)))


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every attack of this file would leave this one behind."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("kind", ["FloatStorage", "BFloat16Storage"])
def test_the_numbers_of_an_old_file(tmp_path: Path, kind: str):
    halves = (VALUES.view(np.uint32) >> 16).astype(np.uint16)
    values = VALUES if kind == "FloatStorage" else halves
    content = dump({"w": tensor(Storage("7", 6, kind), (2, 2), (1, 2), 1)})
    (tmp_path / "w.pth").write_bytes(before_zip(content, {"7": values}))
    np.testing.assert_array_equal(read_tensors(tmp_path / "w.pth")["w"], [[1, 3], [2, 4]])


def test_an_old_file_that_python_2_wrote_on_a_gpu():
    """Its texts are bytes, its dictionary is made of a list of items, its tensors have no gradient."""

    def text(value: str) -> bytes:
        return pickle.SHORT_BINSTRING + bytes([len(value)]) + value.encode()

    storage = pickle.MARK + text("storage") + b"ctorch.cuda\nFloatStorage\n" + text("7") + text("cuda:0")
    storage += b"K\x06" + pickle.NONE + pickle.TUPLE + pickle.BINPERSID
    arguments = pickle.MARK + storage + b"K\x00" + b"K\x06" + pickle.TUPLE1 + b"K\x01" + pickle.TUPLE1
    rebuilt = b"ctorch._utils\n_rebuild_tensor\n" + arguments + pickle.TUPLE + pickle.REDUCE
    item = pickle.EMPTY_LIST + pickle.MARK + text("w") + rebuilt + pickle.APPENDS
    items = pickle.EMPTY_LIST + item + pickle.APPEND + pickle.TUPLE1
    content = b"\x80\x02ccollections\nOrderedDict\n" + items + pickle.REDUCE + pickle.STOP
    Path("w.pth").write_bytes(before_zip(content, {"7": VALUES}))
    np.testing.assert_array_equal(read_tensors(Path("w.pth"))["w"], VALUES)


def test_an_attack_in_the_dictionary_is_refused_by_name():
    Path("w.pth").write_bytes(before_zip(ATTACK, {"0": VALUES}))
    with pytest.raises(InputError, match=r"it asks for os\.system"):
        read_tensors(Path("w.pth"))


def test_an_attack_in_any_pickle_of_an_old_file_is_refused():
    """The dictionary is not the only pickle there; all are read in the same way."""
    pickles = before_zip(dump({"w": WHOLE}), {"0": VALUES}).split(pickle.STOP + b"\x80\x02")
    for index in range(1, len(pickles)):
        attacked = [*pickles[:index], ATTACK[2:-1], *pickles[index + 1 :]]
        Path("w.pth").write_bytes((pickle.STOP + b"\x80\x02").join(attacked))
        with pytest.raises(InputError, match=r"it asks for os\.system"):
            read_tensors(Path("w.pth"))


@pytest.mark.parametrize(
    ("content", "storages", "message"),
    [
        ({"w": WHOLE}, {}, "has 0 storages and needs 1"),
        ({"w": WHOLE}, {"0": VALUES, "1": VALUES}, "has 2 storages and needs 1"),
        ({"w": WHOLE}, {"1": VALUES}, "or others"),
        ({"w": WHOLE}, {"0": VALUES[:5]}, "does not fit its 20 bytes"),
        ({"w": tensor(Storage("0", 2**40), (6,), (1,))}, {"0": VALUES}, "does not fit its 24 bytes"),
    ],
)
def test_an_old_file_that_lies_about_its_storages_is_refused(content, storages, message):
    Path("w.pth").write_bytes(before_zip(dump(content), storages))
    with pytest.raises(InputError, match=message):
        read_tensors(Path("w.pth"))


@pytest.mark.parametrize("length", [7, 2**40, 2**63 - 1, 2**64 - 1])
def test_a_length_beyond_the_end_of_an_old_file_is_refused(length: int):
    whole = before_zip(dump({"w": WHOLE}), {"0": VALUES})
    cut = len(whole) - VALUES.nbytes - 8
    Path("w.pth").write_bytes(whole[:cut] + length.to_bytes(8, "little") + VALUES.tobytes())
    with pytest.raises(InputError, match="longer than the file"):
        read_tensors(Path("w.pth"))


def test_the_archives_of_before_2017_are_refused_with_a_way_out():
    """They are tar files, whose pickles PyTorch ran even where it was told to load weights only
    (CVE-2025-32434).
    """
    with tarfile.open("w.pth", "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            member = tarfile.TarInfo(name)
            member.size = len(ATTACK)
            archive.addfile(member, io.BytesIO(ATTACK))
    with pytest.raises(InputError, match=r"before 2017.*save it again.*or as \.safetensors"):
        read_tensors(Path("w.pth"))


def test_a_pickle_alone_is_refused_unread():
    Path("w.pth").write_bytes(ATTACK)
    with pytest.raises(InputError, match="it is no PyTorch file"):
        read_tensors(Path("w.pth"))
