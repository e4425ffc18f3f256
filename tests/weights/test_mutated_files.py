"""Real small files, changed at random: each gives tensors or one line, within a gigabyte and seconds."""

import io
import json
import pickle
import pickletools
import resource
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tests.weights.pytorch_files import Storage, archive_of, before_zip, dump, tensor
from vitlab.errors import InputError
from vitlab.weights import read_tensors

ARRAYS: dict[str, Any] = {
    "block/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "bias": np.arange(4, dtype=np.float64),
    "scale": np.array(3, np.float16),
}
GIGABYTE = 2**30
LONGEST_SECONDS = 20  # of the processor's time: the machine may have other things to do
LONGEST_WAIT = 1800


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


def read_or_refuse(path: Path, content: bytes) -> dict[str, np.ndarray] | None:
    path.write_bytes(content)
    try:
        with limited():
            return read_tensors(path)
    except InputError as error:
        assert "\n" not in str(error)
        assert "memory" not in str(error)  # it was asked for before anything was checked
        return None


@contextmanager
def limited() -> Iterator[None]:
    """A gigabyte of address space more than there is now, and some seconds, children's among them."""

    def stop(signum: int, _: object) -> None:
        pytest.fail(f"reading does not come to an end: {signal.Signals(signum).name}")

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    used = children_seconds()
    signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)
    signal.alarm(LONGEST_WAIT)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + GIGABYTE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        assert children_seconds() - used < LONGEST_SECONDS


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_reader_that_does_not_come_to_an_end_is_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules[__name__], "LONGEST_SECONDS", 0.1)
    with pytest.raises(pytest.fail.Exception, match="SIGPROF"), limited():
        while True:
            pass


def test_the_seconds_of_a_readers_process_count_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules[__name__], "LONGEST_SECONDS", 0.1)
    with pytest.raises(AssertionError), limited():
        subprocess.run([sys.executable, "-c", "sum(range(3 * 10**7))"], check=True)


# Changes of any bytes

NUMBERS = st.sampled_from([0, 1, 2**7, 2**8 - 1, 2**15, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1])
PIECES = st.one_of(
    st.binary(max_size=8),
    NUMBERS.map(lambda number: number.to_bytes(8, "little")),
    st.integers(0, 4096).map(lambda number: number.to_bytes(8, "little")),
)


@st.composite
def changed(draw: Callable[..., Any], content: bytes) -> bytes:
    """Overwritten, lengthened, shortened, cut off, or a part of it copied elsewhere, a few times."""
    for _ in range(draw(st.integers(1, 4))):
        start, other = draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))
        piece = draw(PIECES)
        match draw(st.integers(0, 9)):
            case 0:
                content = content[:start]
            case 1:
                content = content[:start] + piece + content[start:]
            case 2:
                content = content[:start] + content[start + len(piece) :]
            case 3:
                content = content[:start] + content[other : other + 64] + content[start:]
            case _:
                content = content[:start] + piece + content[start + len(piece) :]
    return content


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, **ARRAYS)
    return file.getvalue()


def deflated_npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **ARRAYS)
    return file.getvalue()


def hdf5(**options: Any) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as opened:
        opened.update(ARRAYS)
        opened.attrs["layer_names"] = np.array([b"block"])
    return file.getvalue()


def chunked_hdf5(**options: Any) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as opened:
        for name, array in ARRAYS.items():
            if array.ndim:
                packing = {"compression": "gzip", "shuffle": True, "fletcher32": name == "bias"}
                opened.create_dataset(name, data=array, chunks=(2,) * array.ndim, **packing)
    return file.getvalue()


PICKLED = dump(
    {
        "epoch": 3,
        "state_dict": {
            "block/kernel": tensor(Storage("0", 6), (2, 3), (1, 2)),
            "bias": tensor(Storage("1", 4, "DoubleStorage"), (4,), (1,)),
        },
    }
)


STORAGES = {"0": ARRAYS["block/kernel"], "1": ARRAYS["bias"]}

FILES = {
    ".safetensors": save(ARRAYS),
    ".npz": npz(),
    "z.npz": deflated_npz(),
    ".pth": archive_of(PICKLED, STORAGES),
    "old.pth": before_zip(PICKLED, STORAGES),
}


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_sound_before_they_are_changed(folder: Path, name: str):
    assert read_or_refuse(folder / f"sound{name}", FILES[name])


def test_an_hdf5_file_in_chunks_is_sound_before_it_is_changed(folder: Path):
    assert read_or_refuse(folder / "sound.h5", chunked_hdf5())


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_file_with_any_bytes_changed(folder: Path, name: str, data: st.DataObject):
    read_or_refuse(folder / f"w{name}", data.draw(changed(FILES[name])))


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@given(data=st.data())
@settings(max_examples=20, deadline=None)  # each starts a process
def test_an_hdf5_file_with_any_bytes_changed(folder: Path, libver: str, data: st.DataObject):
    read_or_refuse(folder / "w.h5", data.draw(changed(hdf5(libver=libver))))


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_an_hdf5_file_in_chunks_with_any_bytes_changed(folder: Path, libver: str, data: st.DataObject):
    read_or_refuse(folder / "c.h5", data.draw(changed(chunked_hdf5(libver=libver))))


@pytest.mark.parametrize("name", [".npz", ".pth"])
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_whole_archive_with_bytes_of_a_member_changed(folder: Path, name: str, data: st.DataObject):
    """Checksums and lengths of the archive are right: what the member says is all that is wrong."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(FILES[name])) as whole, zipfile.ZipFile(file, "w") as archive:
        target = data.draw(st.sampled_from(whole.namelist()))
        for member in whole.namelist():
            content = whole.read(member)
            archive.writestr(member, data.draw(changed(content)) if member == target else content)
    read_or_refuse(folder / f"m{name}", file.getvalue())


# Changes that know the format


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_pickle_of_other_instructions(folder: Path, data: st.DataObject, canary: Path):
    """Instructions left out, doubled, exchanged, and any of those that exist put in between."""
    ends = [position for _, _, position in pickletools.genops(PICKLED)] + [len(PICKLED)]
    parts = [PICKLED[start:end] for start, end in pairwise(ends)]
    known = [code.code.encode("latin1") for code in pickletools.opcodes]
    attack = b"cos\nsystem\nX\x0b\x00\x00\x00touch PWNED" + pickle.TUPLE1 + pickle.REDUCE
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(1, len(parts) - 1))
        other = data.draw(st.sampled_from([*parts, *known, attack]))
        parts[place : place + data.draw(st.integers(0, 1))] = [other] * data.draw(st.integers(0, 2))
    read_or_refuse(folder / "p.pth", archive_of(b"".join(parts), STORAGES))
    assert not (canary / "PWNED").exists()


@pytest.fixture(scope="module")
def canary(folder: Path) -> Iterator[Path]:
    """Where `attack` would leave its file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | NUMBERS
    | st.integers()
    | st.sampled_from(["F32", "F64", ""]),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=2), inside, max_size=2)
    ),
)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_safetensors_header_of_other_fields_is_read_as_the_library_reads_it(
    folder: Path, data: st.DataObject
):
    content = FILES[".safetensors"]
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from([*header, "other", "__metadata__"]))
        field = data.draw(st.sampled_from(["dtype", "shape", "data_offsets", "other"]))
        if isinstance(header.get(name), dict) and data.draw(st.integers(0, 5)):
            header[name][field] = data.draw(
                JUNK | st.lists(st.integers(0, 60), max_size=3) | st.sampled_from(["F16", "I32", "U8"])
            )
        else:
            header[name] = data.draw(JUNK | st.just(header.get("bias")))
    header_bytes = json.dumps(header).encode()
    content = len(header_bytes).to_bytes(8, "little") + header_bytes + content[8 + length :]
    read = read_or_refuse(folder / "h.safetensors", content)
    if read is not None:
        try:
            expected = load(content)
        except (SafetensorError, ValueError, TypeError):
            return  # ours passes over what no array needs, such as metadata of an odd type
        assert read.keys() == expected.keys()
        for name, array in read.items():
            np.testing.assert_array_equal(array, expected[name])
