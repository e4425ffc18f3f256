"""HDF5 files may hold numbers in their place, and their library's crashes end a process of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from vitlab.errors import InputError
from vitlab.weights import read_tensors
from vitlab.weights.readers import hdf5

VALUES = np.arange(6, dtype=np.float32)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_tensors(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def stored_elsewhere(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", (6,), "f4", external=[(secret, 0, 24)])


def assembled(file: h5py.File, secret: str) -> None:
    layout = h5py.VirtualLayout((6,), "f4")
    layout[:] = h5py.VirtualSource(secret, "x", (6,))
    file.create_virtual_dataset("x", layout)


def cycle(file: h5py.File, _: str) -> None:
    inner = file.create_group("x/inner")
    inner["again"] = file["x"]


def bomb(file: h5py.File, _: str) -> None:
    file.create_dataset("x", (10**9,), "f4", chunks=(10**6,), compression="gzip")[:1] = 1


def two_names(file: h5py.File, _: str) -> None:
    file["large"] = np.zeros(10_000, np.float32)
    for index in range(10):
        file[f"again{index}"] = file["large"]


def compact(file: h5py.File, _: str) -> None:
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((6,))
    h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, plan)


def packed(**options: Any) -> Any:
    return lambda file, _: file.create_dataset("x", data=VALUES, **options)


def unwritten(file: h5py.File, _: str) -> None:
    file.create_dataset("x", (6,), "f4", chunks=(2,))


def three_bytes(file: h5py.File, _: str) -> None:
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(22, 14, 8, 0, 14)
    kind.set_size(3)
    h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple((6,)))


HOSTILE_HDF5: dict[str, tuple[Any, str]] = {
    "link to a file": (lambda f, s: f.update(x=h5py.ExternalLink(s, "/x")), "x is a link out of"),
    "soft link": (lambda f, s: f.update(x=h5py.SoftLink("/x")), "x is a link out of its place"),
    "raw file": (stored_elsewhere, "x is stored in another file"),
    "virtual": (assembled, "x is stored in another file"),
    "group in itself": (cycle, "x/inner/again is a group that stands elsewhere too"),
    "root in itself": (lambda f, s: f.update(x=f["/"]), "x is a group that stands elsewhere too"),
    "compressed bomb": (bomb, "would unpack to 4000000000"),
    "compact": (compact, "x stands in the file's directory"),
    "another compression": (packed(compression="lzf"), "x is packed with lzf"),
    "numbers of few bits": (packed(scaleoffset=2), "x is packed with scaleoffset"),
    "no chunk written": (unwritten, "x of shape (6,) was never written"),
    "one data set, many names": (two_names, "reaches out of the file, or into another array"),
    "never written": (lambda f, s: f.create_dataset("x", (10**13,), "f4"), "was never written"),
    "text": (lambda f, s: f.update(x="words"), "x holds object, not numbers"),
    "references": (lambda f, s: f.update(x=f.ref), "x holds object, not numbers"),
    "short integers": (lambda f, s: f.update(x=np.arange(3, dtype="i2")), "x holds int16, not numbers"),
    "compound": (lambda f, s: f.update(x=np.zeros(2, "f4,f4")), "not numbers"),
    "float of 3 bytes": (three_bytes, "not numbers"),
    "no shape": (lambda f, s: f.update(x=h5py.Empty("f4")), "not numbers"),
    "type": (lambda f, s: f.update(x=np.dtype("f4")), "x holds no numbers"),
    "nothing": (lambda f, s: None, "holds no tensors"),
}


@pytest.mark.parametrize("case", HOSTILE_HDF5)
def test_an_hdf5_file_may_only_hold_numbers_in_their_place(tmp_path: Path, case: str):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = VALUES
    fill, message = HOSTILE_HDF5[case]
    with h5py.File(tmp_path / "w.h5", "w") as file:
        fill(file, str(tmp_path / "secret.h5"))
    assert message in refused(tmp_path / "w.h5")


def test_integers_are_read_for_keras_counts_images_in_them(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["normalization/count:0"] = np.array(7)
        file["normalization/mean:0"] = np.zeros(3, np.float32)
    found = read_tensors(tmp_path / "w.h5")
    assert found["normalization/count:0"] == 7
    assert found["normalization/mean:0"].dtype == np.float32


def test_hdf5_groups_too_deep_for_any_network_are_refused(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        group = file
        for _ in range(1500):
            group = group.create_group("g")
    assert "a name has 1001 letters; refused" in refused(tmp_path / "w.h5")


def test_groups_of_names_too_long_for_any_network_are_refused(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["/".join(["g" * 60_000] * 50 + ["x"])] = VALUES
    assert "a name has 60000 letters; refused" in refused(tmp_path / "w.h5")


def test_a_file_that_is_no_hdf5_file_is_said_to_be_none(tmp_path: Path):
    for content in (b"", b"rubbish" * 100, b"\x89HDF\r\n\x1a"):
        (tmp_path / "w.h5").write_bytes(content)
        assert refused(tmp_path / "w.h5").endswith("w.h5: it is no HDF5 file")


def test_a_listing_that_runs_out_of_memory_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = (
        "import json, runpy\n"
        "def dumps(value):\n"
        "    return bytearray(2**30) if isinstance(value, list) else whole(value)\n"
        "whole, json.dumps = json.dumps, dumps\n"
        f"runpy.run_path({str(hdf5._LISTING)!r}, run_name='__main__')\n"
    )
    (tmp_path / "listing.py").write_text(program)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["x"] = VALUES
    monkeypatch.setattr(hdf5, "_LISTING", tmp_path / "listing.py")
    assert "it takes over a gigabyte to say what is in it; refused" in refused(tmp_path / "w.h5")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (f"import os; os.kill(os.getpid(), {signal.SIGSEGV:d})", "ended with signal 11"),
        ("import time; time.sleep(60)", "did not come to an end within 1 s"),
        ("raise ImportError('no h5py')", "HDF5's library failed: "),
    ],
)
def test_a_crash_or_a_hang_of_the_hdf5_library_ends_only_its_own_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, message: str
):
    """The library does crash on some damaged files; no file is known here that crashes the listing."""
    (tmp_path / "listing.py").write_text(program)
    monkeypatch.setattr(hdf5, "_LISTING", tmp_path / "listing.py")
    monkeypatch.setattr(hdf5, "_LONGEST_SECONDS", 1 if "sleep" in program else 60)
    (tmp_path / "w.h5").write_bytes(b"x")
    assert message in refused(tmp_path / "w.h5")


def test_the_hdf5_listing_has_one_gigabyte(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["x"] = VALUES
    program = (
        "import runpy, resource, sys; sys.argv = sys.argv[1:];"
        "runpy.run_path(sys.argv[0], run_name='__main__');"
        "assert resource.getrlimit(resource.RLIMIT_AS) == (2**30, 2**30); bytearray(2**30)"
    )
    command = [sys.executable, "-c", program, str(hdf5._LISTING), str(tmp_path / "w.h5")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert json.loads(done.stdout)[0][:3] == ["x", "<f4", [6]]
    assert b"MemoryError" in done.stderr
