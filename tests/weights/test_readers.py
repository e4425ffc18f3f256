"""Published files are read whole, or refused in one line; nothing inside them ever runs."""

import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.weights.pytorch_files import Call, Global, Storage, dump, tensor, write
from vitlab.errors import InputError
from vitlab.weights import read_tensors

VALUES = np.arange(6, dtype=np.float32)


def test_safetensors(tmp_path: Path):
    save_file({"a": VALUES.reshape(2, 3)}, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(read_tensors(tmp_path / "w.safetensors")["a"], VALUES.reshape(2, 3))


def test_npz(tmp_path: Path):
    arrays: Any = {"a/b": VALUES}
    np.savez(tmp_path / "w.npz", **arrays)
    np.testing.assert_array_equal(read_tensors(tmp_path / "w.npz")["a/b"], VALUES)


def test_hdf5_in_nested_groups(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layer/layer/kernel:0"] = VALUES
    assert list(read_tensors(tmp_path / "w.h5")) == ["layer/layer/kernel:0"]


@pytest.mark.parametrize(
    ("kind", "dtype"), [("FloatStorage", "f4"), ("HalfStorage", "f2"), ("DoubleStorage", "f8")]
)
def test_pytorch_with_strides_and_offset(tmp_path: Path, kind: str, dtype: str):
    content = dump({"w": tensor(Storage("0", 6, kind), (2, 2), (1, 2), 1)})
    path = write(tmp_path / "w.pth", content, {"0": VALUES.astype(dtype)})
    np.testing.assert_array_equal(read_tensors(path)["w"], [[1, 3], [2, 4]])


def test_pytorch_bfloat16_is_widened(tmp_path: Path):
    halves = (VALUES.view(np.uint32) >> 16).astype(np.uint16)
    content = dump({"w": tensor(Storage("0", 6, "BFloat16Storage"), (6,), (1,))})
    np.testing.assert_array_equal(
        read_tensors(write(tmp_path / "w.bin", content, {"0": halves}))["w"], VALUES
    )


def test_pytorch_state_dictionary_inside_a_training_checkpoint(tmp_path: Path):
    state = {"module.w": tensor(Storage("0", 6), (6,), (1,))}
    content = dump({"epoch": 3, "state_dict": state})
    assert list(read_tensors(write(tmp_path / "w.pt", content, {"0": VALUES}))) == ["w"]


ATTACKS = {
    "os.system": Call("os", "system", ("touch PWNED",)),
    "posix.system": Call("posix", "system", ("touch PWNED",)),
    "builtins.eval": Call("builtins", "eval", ("open('PWNED', 'w')",)),
    "builtins.getattr": Call("builtins", "getattr", (Global("os", "system"), "__call__")),
    "importlib.import_module": Call("importlib", "import_module", ("os",)),
    "torch.storage._load_from_bytes": Call("torch.storage", "_load_from_bytes", (b"",)),
    "torch.hub.load": Call("torch.hub", "load", ("a/b", "c")),
    "collections.OrderedDict.fromkeys": Call("collections", "OrderedDict.fromkeys", ((1,),)),
    "numpy.core.multiarray._reconstruct": Call("numpy.core.multiarray", "_reconstruct", ()),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_pickle_that_asks_for_anything_else_is_refused_by_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "w.pth", dump({"w": ATTACKS[name]}), {})
    with pytest.raises(InputError, match=f"it asks for {name}, which is no part of a tensor"):
        read_tensors(path)
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize(
    ("size", "stride", "offset", "message"),
    [
        ((4, 4), (4, 1), 0, "reaches out of its storage"),
        ((6,), (1,), 1, "reaches out of its storage"),
        ((6,), (-1,), 5, "with strides"),
        ((2,), (1,), -1, "with strides"),
        ((100, 100), (0, 0), 0, "repeats its storage"),
    ],
)
def test_a_tensor_that_lies_about_its_storage_is_refused(tmp_path, size, stride, offset, message):
    content = dump({"w": tensor(Storage("0", 6), size, stride, offset)})
    with pytest.raises(InputError, match=message):
        read_tensors(write(tmp_path / "w.pth", content, {"0": VALUES}))


def test_a_storage_that_lies_about_its_length_is_refused(tmp_path: Path):
    content = dump({"w": tensor(Storage("0", 10**9), (2,), (1,))})
    with pytest.raises(InputError, match="says 1000000000 elements and holds 6"):
        read_tensors(write(tmp_path / "w.pth", content, {"0": VALUES}))


def test_objects_in_an_npz_are_refused(tmp_path: Path):
    np.savez(tmp_path / "w.npz", a=np.array([{"x": 1}], dtype=object))
    with pytest.raises(InputError, match=r"not a whole \.npz"):
        read_tensors(tmp_path / "w.npz")


@pytest.mark.parametrize("suffix", [".npz", ".pth"])
def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"bomb{suffix}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    with pytest.raises(InputError, match="would unpack to 50000000"):
        read_tensors(path)


def test_hdf5_links_to_other_files_are_refused(tmp_path: Path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = VALUES
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["x"] = h5py.ExternalLink("secret.h5", "/x")
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("x", (4,), "f4", external=[(str(tmp_path / "secret.h5"), 0, 16)])
    with pytest.raises(InputError, match="link out of its place"):
        read_tensors(tmp_path / "linked.h5")
    with pytest.raises(InputError, match="stored in another file"):
        read_tensors(tmp_path / "external.h5")


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".h5", ".pth"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"])
def test_rubbish_is_refused_in_one_line(tmp_path: Path, suffix: str, content: bytes):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_tensors(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".h5", ".pth"])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"w{suffix}"
    values = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    if suffix == ".safetensors":
        save_file({"a": values}, path)
    elif suffix == ".npz":
        np.savez(path, a=values)
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["a"] = values
    else:
        write(path, dump({"a": tensor(Storage("0", 2000), (2000,), (1,))}), {"0": values})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=re.escape(str(path))):
        read_tensors(path)


def test_an_unknown_suffix_names_the_known_ones(tmp_path: Path):
    with pytest.raises(InputError, match=r"'.onnx' is not known; use .safetensors, .npz"):
        read_tensors(tmp_path / "w.onnx")


def test_a_small_hdf5_file_that_declares_a_huge_array_is_refused(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("kernel", (10**13,), "f4")
    with pytest.raises(InputError, match="kernel would unpack to 40000000000000 bytes"):
        read_tensors(tmp_path / "w.h5")


def test_a_small_npz_file_that_declares_a_huge_array_is_refused(tmp_path: Path):
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**13,)}
    with (
        zipfile.ZipFile(tmp_path / "w.npz", "w") as archive,
        archive.open("a.npy", "w") as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(InputError, match=r"arrays that do not fit into memory|not a whole \.npz file"):
        read_tensors(tmp_path / "w.npz")


def test_an_npz_file_of_other_things_than_numbers_is_refused(tmp_path: Path):
    arrays: Any = {"names": np.array(["a", "b"])}
    np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(InputError, match="names holds no numbers; refused"):
        read_tensors(tmp_path / "w.npz")
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match=r"readme\.txt holds no numbers; refused"):
        read_tensors(tmp_path / "v.npz")
