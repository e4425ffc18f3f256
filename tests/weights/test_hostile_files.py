"""Archives and headers that lie are refused before memory is taken for what they claim."""

import io
import json
import os
import re
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from tests.weights.pytorch_files import Storage, dump, tensor, write
from vitlab.errors import InputError
from vitlab.weights import read_tensors
from vitlab.weights.readers import arrays

VALUES = np.arange(6, dtype=np.float32)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_tensors(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


# Any file


def many_in_npz(path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", npy(VALUES[:0]))


def many_in_pth(path: Path, names: list[str]) -> None:
    write(path, dump(dict.fromkeys(names, tensor(Storage("0", 6), (6,), (1,)))), {"0": VALUES})


def many_in_safetensors(path: Path, names: list[str]) -> None:
    save_file(dict.fromkeys(names, VALUES[:0]), path)


def many_in_hdf5(path: Path, names: list[str]) -> None:
    with h5py.File(path, "w") as file:
        for name in names:
            file.create_dataset(name, (0,), "f4")


MANY: dict[str, Callable[[Path, list[str]], None]] = {
    ".npz": many_in_npz,
    ".pth": many_in_pth,
    ".safetensors": many_in_safetensors,
    ".h5": many_in_hdf5,
}


@pytest.mark.parametrize("suffix", MANY)
def test_more_tensors_than_any_network_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
):
    monkeypatch.setattr(arrays, "MOST_TENSORS", 30)
    path = tmp_path / f"w{suffix}"
    names = [f"layer{index}" for index in range(31)]
    MANY[suffix](path, names[:30])
    assert sorted(read_tensors(path)) == sorted(names[:30])
    path.unlink()
    MANY[suffix](path, names)
    assert "it holds 31 tensors, more than any network; refused" in refused(path)


@pytest.mark.parametrize("suffix", MANY)
def test_a_name_longer_than_any_network_has_is_refused(tmp_path: Path, suffix: str):
    MANY[suffix](tmp_path / f"w{suffix}", ["x" * 1001])
    assert re.search("(name has|key of) 1001 letters", refused(tmp_path / f"w{suffix}"))


# Zip files


@pytest.mark.parametrize("suffix", [".npz", ".pth"])
def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"bomb{suffix}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    assert "would unpack to 50000000" in refused(path)


def test_many_members_over_the_same_bytes_are_refused(tmp_path: Path):
    """Fifield 2019, "A better zip bomb": the directory names one compressed run again and again."""
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a0.npy", npy(np.random.default_rng(0).normal(size=1000)))
        for index in range(1, 100):
            again = zipfile.ZipInfo(f"a{index}.npy")
            for field in ("CRC", "compress_size", "file_size", "header_offset", "compress_type"):
                setattr(again, field, getattr(archive.infolist()[0], field))
            archive.filelist.append(again)
    assert "would unpack to" in refused(path)


def test_a_member_that_is_larger_than_it_says_is_not_unpacked_further(tmp_path: Path):
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy(VALUES) + bytes(100_000_000))
        archive.infolist()[0].file_size = len(npy(VALUES))
    assert "not a whole zip file: Bad CRC-32" in refused(path)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_two_members_of_one_name_are_refused(tmp_path: Path):
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", npy(VALUES))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.npy", npy(VALUES))
    assert "2 members of the name a.npy" in refused(path)


MEMBER = struct.Struct("<4s6H3L5H2L")  # a member in the directory of a zip file
END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64 = struct.Struct("<4sLQL")


def ended(content: bytes, directory: bytes, said: int, *, zip64: bool, comment: bytes = b"") -> bytes:
    """A zip file with this directory, whose end says that it has `said` bytes."""
    start, entries = len(content), 0 if zip64 else directory.count(b"PK\x01\x02") % 2**16
    end = b""
    if zip64:
        count = directory.count(b"PK\x01\x02")
        end = END_64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, said, start)
        end += LOCATOR_64.pack(b"PK\x06\x07", 0, start + len(directory), 1)
        said = start = 2**32 - 1
    end += END.pack(b"PK\x05\x06", 0, 0, entries, entries, said, start, len(comment)) + comment
    return content + directory + end


def entries(count: int) -> bytes:
    """Members of nothing, each with a name of its own."""
    fields = (20, 20, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0)
    return b"".join(MEMBER.pack(b"PK\x01\x02", *fields) + b"%08x" % index for index in range(count))


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("suffix", [".npz", ".pth"])
def test_a_directory_of_a_million_members_takes_no_memory(tmp_path: Path, suffix: str, zip64: bool):
    directory = entries(10**6)
    path = tmp_path / f"w{suffix}"
    path.write_bytes(ended(b"", directory, len(directory), zip64=zip64))
    tracemalloc.start()
    assert f"its directory of {len(directory)} bytes is longer" in refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**6


def test_the_longest_directory_takes_little_memory(tmp_path: Path):
    directory = entries(2**22 // (MEMBER.size + 8))
    path = tmp_path / "w.npz"
    path.write_bytes(ended(b"", directory, len(directory), zip64=True, comment=b"PK" * 30_000))
    tracemalloc.start()
    assert f"it holds {len(directory) // 54} tensors, more than any network" in refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 * 10**6


@pytest.mark.parametrize("said", [2**22 + 1, 2**32 - 1, 2**63, 2**64 - 1])
def test_a_directory_that_is_said_to_be_longer_than_the_file_is_refused(tmp_path: Path, said: int):
    path = tmp_path / "w.npz"
    path.write_bytes(ended(b"", entries(1), said, zip64=said >= 2**32))
    assert "directory" in refused(path)


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("comment", [b"", b"made by hand"])
def test_whole_archives_open_wherever_they_say_how_long_their_directory_is(
    tmp_path: Path, comment: bytes, zip64: bool
):
    path = tmp_path / "w.npz"
    np.savez(path, a=VALUES)
    whole = path.read_bytes()
    start, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    directory = whole[start:end]
    path.write_bytes(ended(whole[:start], directory, len(directory), zip64=zip64, comment=comment))
    np.testing.assert_array_equal(read_tensors(path)["a"], VALUES)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path: Path, compression: int):
    """LZMA's dictionary may take 4 GB however small the file is."""
    with zipfile.ZipFile(tmp_path / "w.npz", "w", compression) as archive:
        archive.writestr("a.npy", npy(VALUES))
    assert "a.npy is encrypted or compressed in an unusual way" in refused(tmp_path / "w.npz")


def test_encrypted_members_are_refused(tmp_path: Path):
    path = tmp_path / "w.npz"
    np.savez(path, a=VALUES)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "arr" not in refused(path)
    assert "a.npy is encrypted" in refused(path)


def test_a_path_out_of_the_archive_is_only_a_name(tmp_path: Path):
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / "w.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../escaped.npy", npy(VALUES))
    assert list(read_tensors(path)) == ["../escaped"]
    assert [item.name for item in tmp_path.rglob("*.np*")] == ["w.npz"]


def test_a_flipped_bit_in_a_tensor_is_seen(tmp_path: Path):
    path = write(tmp_path / "w.pth", dump({"w": tensor(Storage("0", 6), (6,), (1,))}), {"0": VALUES})
    content = bytearray(path.read_bytes())
    content[content.index(VALUES.tobytes()) + 5] ^= 1
    path.write_bytes(content)
    assert "Bad CRC-32" in refused(path)


# .npz

NUMBERS = "'descr': '<f4', 'fortran_order': False"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "holds no numbers"),
        ("{'descr': '|S8', 'fortran_order': False, 'shape': (1,), }", "holds no numbers"),
        ("{'descr': '<f3', 'fortran_order': False, 'shape': (1,), }", "holds no numbers"),
        ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "holds no numbers"),
        ("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }", "holds no numbers"),
        ("{'descr': '(9,)<f4', 'fortran_order': False, 'shape': (1,), }", "holds no numbers"),
        ("__import__('os').system('touch PWNED')", "holds no numbers"),
        (f"{{{NUMBERS}, 'shape': {'(' * 5000}", "holds no numbers"),
        (f"{{{NUMBERS}, 'shape': ({'-' * 5000}1,), }}", "holds no numbers"),
        (f"{{{NUMBERS}, 'shape': ({'9' * 5000},), }}", "holds no numbers"),
        (f"{{{NUMBERS}, 'shape': (-1,), }}", "holds no numbers"),
        (f"{{{NUMBERS}, 'shape': (10000000000000,), }}", "does not fit its 24 bytes"),
        (f"{{{NUMBERS}, 'shape': (5,), }}", "does not fit its 24 bytes"),
        (f"{{{NUMBERS}, 'shape': (7,), }}", "does not fit its 24 bytes"),
        (f"{{{NUMBERS}, 'shape': (), }}", "does not fit its 24 bytes"),
        (f"{{{NUMBERS}, 'shape': ({'999999999999999999,' * 9}0), }}", "impossible shape"),
        (f"{{{NUMBERS}, 'shape': ({'1,' * 65}), }}", "impossible shape of 65 axes"),
    ],
)
def test_an_npz_header_is_taken_apart_and_never_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: str, message: str
):
    monkeypatch.chdir(tmp_path)
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", start + header.encode() + VALUES.tobytes())
    assert message in refused(tmp_path / "w.npz")
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", b"\x80\x02}."],
)
def test_a_member_that_is_no_array_is_refused(tmp_path: Path, content: bytes):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", content)
    assert "a holds no numbers" in refused(tmp_path / "w.npz")


def test_an_npz_file_of_other_things_than_numbers_is_refused(tmp_path: Path):
    for values in (np.array(["a", "b"]), np.array([{"x": 1}], dtype=object)):
        arrays: Any = {"names": values}
        np.savez(tmp_path / "w.npz", **arrays)
        assert "names holds no numbers, its header says" in refused(tmp_path / "w.npz")
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "readme.txt holds no numbers" in refused(tmp_path / "v.npz")


# .safetensors


def entry(start: int, end: int, shape: Any = (1,), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


HOSTILE_HEADERS: dict[str, tuple[Any, str]] = {
    "hole in front": ({"a": entry(4, 8)}, "leave a hole, at byte 0"),
    "hole between": ({"a": entry(0, 4), "b": entry(8, 12)}, "leave a hole, at byte 4"),
    "data left over": ({"a": entry(0, 4)}, "take 4 bytes of data, and it has 12"),
    "overlap": ({"a": entry(0, 12, (3,)), "b": entry(4, 8)}, "overlap"),
    "the same bytes": ({"a": entry(0, 12, (3,)), "b": entry(0, 12, (3,))}, "overlap"),
    "end before start": ({"a": entry(0, 12, (3,)), "b": entry(12, 8)}, "overlap"),
    "beyond the end": ({"a": entry(0, 16, (4,))}, "take 16 bytes of data, and it has 12"),
    "far beyond the end": ({"a": entry(0, 2**70, (2**68,))}, "and it has 12"),
    "shape too small": ({"a": entry(0, 12, (2,))}, "does not fit its 12 bytes"),
    "huge shape": ({"a": entry(0, 12, (2**40,))}, "does not fit its 12 bytes"),
    "product overflows": ({"a": entry(0, 12, (2**62, 2**62, 0))}, "impossible shape"),
    "too many axes": ({"a": entry(0, 12, (3, *[1] * 64))}, "impossible shape of 65 axes"),
    "8-bit floats": ({"a": entry(0, 12, (12,), "F8_E4M3")}, "a holds F8_E4M3; of its types only F64"),
    "complex": ({"a": entry(0, 12, (1,), "C64")}, "a holds C64"),
    "no type": ({"a": {"shape": [3], "data_offsets": [0, 12]}}, "no type, shape and place"),
    "type a list": ({"a": entry(0, 12, (3,), ["F32"])}, "no type, shape and place"),
    "negative length": ({"a": entry(0, 12, (-3,))}, "no type, shape and place"),
    "fractional length": ({"a": entry(0, 12, (3.0,))}, "no type, shape and place"),
    "truth as length": ({"a": entry(0, 12, (True, 3))}, "no type, shape and place"),
    "three offsets": ({"a": entry(0, 12) | {"data_offsets": [0, 4, 12]}}, "no type, shape and place"),
    "a list": ([1, 2], "no table of tensors"),
    "a number": ("17", "no table of tensors"),
    "deep nesting": ("[" * 100_000, "no JSON"),
    "a long number": ('{"a": ' + "9" * 5000 + "}", "has a number of 5000 digits; refused"),
    "no JSON": ("{", "no JSON"),
    "a name twice": (
        f'{{"a": {json.dumps(entry(0, 12, (3,)))}, "a": {json.dumps(entry(0, 12, (3,)))}}}',
        "says a name twice",
    ),
    "a field twice": (
        '{"a": {"dtype": "F32", "dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}',
        "says a name twice",
    ),
    "nothing": ({}, "and it has 12"),
}
# What safetensors 0.8 itself reads: here the arrays would need more memory than the file, or there
# are two truths about one array.
LIBRARY_READS = {"8-bit floats", "complex", "a name twice", "a field twice"}


@pytest.mark.parametrize("case", HOSTILE_HEADERS)
def test_a_safetensors_header_that_lies_is_refused(tmp_path: Path, case: str):
    content, message = HOSTILE_HEADERS[case]
    header = (content if isinstance(content, str) else json.dumps(content)).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(12))
    assert message in refused(path)
    if case not in LIBRARY_READS:
        with pytest.raises((SafetensorError, ValueError)):
            load_file(path)


@pytest.mark.parametrize(
    ("size", "reason"),
    [(0, "is empty"), (3, "is cut short, after 3 bytes"), (8, "is cut short, after 8 bytes")],
)
def test_a_safetensors_file_without_a_header_is_empty_or_cut_short(
    tmp_path: Path, size: int, reason: str
):
    path = tmp_path / "w.safetensors"
    path.write_bytes(bytes(size))
    assert refused(path) == f"weights {path}: it {reason}"


@pytest.mark.parametrize("length", [11, 2**24 + 1, 2**31, 2**31 + 1, 2**63, 2**64 - 1])
def test_a_safetensors_header_of_gigabytes_is_refused(tmp_path: Path, length: int):
    path = tmp_path / "w.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + b"{}        ")
    assert f"its header of {length} bytes is longer" in refused(path)


def test_a_safetensors_header_of_gigabytes_is_refused_even_if_the_file_has_them(tmp_path: Path):
    path = tmp_path / "w.safetensors"
    path.write_bytes((2**31).to_bytes(8, "little"))
    os.truncate(path, 2**31 + 8)  # takes no space on the disk
    assert "its header of 2147483648 bytes" in refused(path)


def test_safetensors_metadata_of_any_kind_is_passed_over(tmp_path: Path):
    header = json.dumps({"__metadata__": [1, {"x": None}], "a": entry(0, 4)}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    assert list(read_tensors(path)) == ["a"]
