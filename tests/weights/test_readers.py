"""Published files are read whole, or refused in one line."""

import os
import pickle
import re
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.weights.pytorch_files import Storage, dump, tensor, write
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


def test_a_keras_model_is_read_out_of_a_file_with_its_optimizer(tmp_path: Path):
    """As `model.save("w.h5")` writes it."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["model_weights/layer/layer/kernel"] = VALUES
        file["optimizer_weights/adam/iteration"] = np.int32(7)
        file["optimizer_weights/adam/layer_kernel_momentum"] = VALUES
        file["model_weights"].create_group("top_level_model_weights")
    assert list(read_tensors(tmp_path / "w.h5")) == ["layer/layer/kernel"]


def test_keras_files_that_name_no_layers_say_what_to_save_instead(tmp_path: Path):
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        file["layers/conv2d/vars/0"] = VALUES
        file["optimizer/vars/0"] = np.int64(7)
    (tmp_path / "w.keras").write_bytes(b"PK")
    for name, reason in {
        "w.weights.h5": "it numbers its variables (layers/conv2d/vars/0) and names no layers",
        "w.keras": "a .keras file names no layers",
    }.items():
        with pytest.raises(InputError) as refused:
            read_tensors(tmp_path / name)
        assert str(refused.value) == (
            f'weights {tmp_path / name}: {reason}; save it in Keras with model.save("model.h5")'
        )


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


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_bfloat16_takes_the_memory_of_float32_and_no_more(tmp_path: Path, suffix: str):
    values = np.random.default_rng(0).integers(-128, 128, 6_000_000).astype(ml_dtypes.bfloat16)
    path = tmp_path / f"w{suffix}"
    if suffix == ".safetensors":
        save_file({"w": values}, path)
    else:
        content = dump({"w": tensor(Storage("0", values.size, "BFloat16Storage"), values.shape, (1,))})
        write(path, content, {"0": values.view(np.uint16)})
    tracemalloc.start()
    read = read_tensors(path)["w"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.3 * read.nbytes
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, values.astype(np.float32))


def test_pytorch_state_dictionary_inside_a_training_checkpoint(tmp_path: Path):
    w, other = tensor(Storage("0", 6), (6,), (1,)), tensor(Storage("0", 6), (3,), (1,))
    loss = tensor(Storage("0", 6), (), ())
    for checkpoint in (
        {"w": w, "epoch": 3},
        {"w": w, "loss": loss, "buffers": {}},
        {"epoch": 3, "state_dict": {"w": w}, "model": {"other": other}, "ema": {"other": other}},
        {"model": {"width": 3}, "net": {"w": w}, "optimizer": {"state": {0: {"step": other}}}},
        {"model_ema": {"w": w}, "loss": loss},
        {"state_dict": {"w": w}, "anchor": other},
        {"net": {"w": w}, "metrics": {"accuracy": loss}, "rng_state": other},
        {"model": {"step": loss}, "net": {"w": w}},
        {"w": w, "model": {"step": loss}},
    ):
        read = read_tensors(write(tmp_path / "w.pt", dump(checkpoint), {"0": VALUES}))
        np.testing.assert_array_equal(read["w"], VALUES)


def test_several_state_dictionaries_of_no_usual_name_are_named(tmp_path: Path):
    w = tensor(Storage("0", 6), (6,), (1,))
    content = dump({"teacher": {"w": w}, "student": {"w": w}, "epoch": 3})
    with pytest.raises(
        InputError, match=r"several dictionaries of tensors \(teacher, student\); save one"
    ):
        read_tensors(write(tmp_path / "w.pt", content, {"0": VALUES}))


def test_pytorch_tensors_of_no_numbers_and_of_one(tmp_path: Path):
    storage = Storage("0", 6)
    content = dump({"none": tensor(storage, (0, 3), (3, 1)), "one": tensor(storage, (), (), 2)})
    read = read_tensors(write(tmp_path / "w.pt", content, {"0": VALUES}))
    assert read["none"].shape == (0, 3)
    assert read["one"] == 2


def test_tied_tensors_are_read_once(tmp_path: Path):
    content = dump({name: tensor(Storage("0", 6), (6,), (1,)) for name in ("embedding", "head")})
    read = read_tensors(write(tmp_path / "w.pt", content, {"0": VALUES}))
    assert np.shares_memory(read["embedding"], read["head"])


def test_pytorch_written_with_a_newer_pickle_protocol(tmp_path: Path):
    """No `torch.save` here: the instructions are those that protocol 4 has for names and texts."""
    pickled = (
        pickle.PROTO + b"\x04" + pickle.EMPTY_DICT + pickle.MEMOIZE
        + short("w") + short("torch._utils") + short("_rebuild_tensor_v2") + pickle.STACK_GLOBAL
        + pickle.MARK + pickle.MARK
        + short("storage") + short("torch") + short("FloatStorage") + pickle.STACK_GLOBAL
        + short("0") + short("cpu") + pickle.BININT1 + b"\x06" + pickle.TUPLE + pickle.BINPERSID
        + pickle.BININT1 + b"\x00" + pickle.BININT1 + b"\x06" + pickle.TUPLE1
        + pickle.BININT1 + b"\x01" + pickle.TUPLE1 + pickle.NEWFALSE + pickle.NONE + pickle.TUPLE
        + pickle.REDUCE + pickle.SETITEM + pickle.STOP
    )  # fmt: skip
    np.testing.assert_array_equal(
        read_tensors(write(tmp_path / "w.pt", pickled, {"0": VALUES}))["w"], VALUES
    )


def short(text: str) -> bytes:
    return pickle.SHORT_BINUNICODE + bytes([len(text)]) + text.encode() + pickle.MEMOIZE


@pytest.mark.parametrize("compressed", [True, False])
def test_npz_of_every_order_and_type(tmp_path: Path, compressed: bool):
    arrays: Any = {
        "fortran": np.asfortranarray(VALUES.reshape(2, 3)),
        "swapped": VALUES.astype(">f4"),
        "none": np.empty((0, 3), np.float16),
        "one": np.array(3.0),
        "counts": np.arange(3),
        "flags": np.array([True, False]),
    }
    (np.savez_compressed if compressed else np.savez)(tmp_path / "w.npz", **arrays)
    read = read_tensors(tmp_path / "w.npz")
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype.newbyteorder("=")


def test_safetensors_of_every_type(tmp_path: Path):
    types = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]
    arrays = {dtype: VALUES.astype(dtype) for dtype in types} | {"none": np.empty((0, 3), "f4")}
    save_file(arrays, tmp_path / "w.safetensors", metadata={"from": "here"})
    read = read_tensors(tmp_path / "w.safetensors")
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_safetensors_bfloat16_is_widened(tmp_path: Path):
    save_file({"a": VALUES.astype(ml_dtypes.bfloat16)}, tmp_path / "w.safetensors")
    read = read_tensors(tmp_path / "w.safetensors")["a"]
    np.testing.assert_array_equal(read, VALUES)
    assert read.dtype == np.float32


@pytest.mark.parametrize("options", [{"libver": "latest"}, {"userblock_size": 512}])
def test_hdf5_of_other_versions_and_behind_a_user_block(tmp_path: Path, options: dict[str, Any]):
    with h5py.File(tmp_path / "w.h5", "w", **options) as file:
        for index in range(20):
            file[f"layer{index}/kernel:0"] = VALUES + index
        file["swapped"], file["one"], file["none"] = VALUES.astype(">f8"), 3.0, np.empty((0, 2))
        file.attrs["weight_names"] = np.bytes_("x" * 60_000)
    read = read_tensors(tmp_path / "w.h5")
    assert len(read) == 23
    np.testing.assert_array_equal(read["layer19/kernel:0"], VALUES + 19)
    np.testing.assert_array_equal(read["swapped"], VALUES)
    assert read["one"] == 3
    assert read["none"].shape == (0, 2)


def test_what_is_no_number_is_named_on_standard_error(tmp_path: Path, capsys):
    arrays: Any = {f"sound{index}": VALUES for index in range(3)}
    arrays |= {
        "a": np.array([np.nan, 1, np.inf]),
        "b": np.array([-np.inf, 1], np.float16),
        "c": np.arange(3),
    }
    np.savez(tmp_path / "w.npz", **arrays)
    read_tensors(tmp_path / "w.npz")
    assert capsys.readouterr() == (
        "",
        f"weights {tmp_path / 'w.npz'} hold NaN or infinity: a (2 of 3), b (1 of 2)\n",
    )


def test_many_such_tensors_still_take_one_line(tmp_path: Path, capsys):
    arrays: Any = {f"t{index}": np.array([np.nan]) for index in range(9)}
    np.savez(tmp_path / "w.npz", **arrays)
    read_tensors(tmp_path / "w.npz")
    assert capsys.readouterr().err.endswith("t3 (1 of 1), t4 (1 of 1) and 4 more tensors\n")


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


@pytest.mark.parametrize("name", ["w.pth", "w.h5", "w.npz", "w.safetensors"])
def test_a_pipe_a_folder_and_nothing_at_all_are_refused(tmp_path: Path, name: str):
    """A pipe that nobody writes into would be waited for without end."""
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_tensors(tmp_path / name)
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="it is no file"):
        read_tensors(tmp_path / name)
    (tmp_path / "folder" / name).mkdir(parents=True)
    with pytest.raises(InputError, match="it is no file"):
        read_tensors(tmp_path / "folder" / name)


def test_a_name_with_control_characters_is_refused_in_one_line(tmp_path: Path):
    save_file({"a\x1b[2J\nb": VALUES}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"the name a\\x1b\[2J\\nb cannot be printed"):
        read_tensors(tmp_path / "w.safetensors")
