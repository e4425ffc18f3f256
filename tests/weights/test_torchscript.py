"""TorchScript archives, such as OpenAI's of CLIP: their tensors are read, their code is not."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.weights.pytorch_files import Global, Storage, archive_of, dump, tensor
from vitlab.errors import InputError
from vitlab.weights import read_tensors

MODULE = Global("__torch__.clip.model", "CLIP")


def module(attributes: bytes, of: Global = MODULE) -> bytes:
    """A module as TorchScript pickles it: an empty object, then its attributes."""
    name = f"{of.module}\n{of.name}\n".encode()
    made = pickle.GLOBAL + name + pickle.EMPTY_TUPLE + pickle.NEWOBJ
    return made + pickle.EMPTY_DICT + pickle.MARK + attributes + pickle.SETITEMS + pickle.BUILD


def item(name: str, value: object) -> bytes:
    return dump(name)[2:-1] + (value if isinstance(value, bytes) else dump(value)[2:-1])


def read(tmp_path: Path, attributes: bytes, **of) -> dict[str, np.ndarray]:
    pickled = b"\x80\x02" + module(attributes, **of) + pickle.STOP
    path = tmp_path / "clip.pt"
    path.write_bytes(archive_of(pickled, {"0": np.arange(6, dtype=np.float32)}))
    return dict(read_tensors(path))


def test_the_tensors_have_the_names_of_their_state_dictionary(tmp_path: Path):
    weight = tensor(Storage("0", 6), (2, 3), (3, 1))
    inner = module(item("weight", weight) + item("training", False))
    found = read(tmp_path, item("visual", module(item("proj", inner))) + item("scale", weight))
    assert list(found) == ["visual.proj.weight", "scale"]
    np.testing.assert_array_equal(found["visual.proj.weight"], np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (Global("os", "system"), "it asks for os.system, which is no part of a tensor"),
        (Global("torch.jit", "load"), "it asks for torch.jit.load"),
        (Global("collections", "OrderedDict"), "makes an object that is no module of TorchScript"),
    ],
)
def test_an_object_of_any_other_class_is_refused(tmp_path: Path, of: Global, message: str):
    with pytest.raises(InputError, match=message):
        read(tmp_path, item("a", 1), of=of)


def test_modules_nested_without_end_or_in_a_circle_are_refused(tmp_path: Path):
    nested = item("a", 1)
    for _ in range(60):
        nested = item("m", module(nested))
    with pytest.raises(InputError, match="nested too deeply, or in a circle"):
        read(tmp_path, nested)
    nested = item("a", 1)
    for _ in range(3):
        nested = item("m" * 400, module(nested))
    with pytest.raises(InputError, match="nested too deeply, or in a circle"):
        read(tmp_path, nested)
    name = f"{MODULE.module}\n{MODULE.name}\n".encode()
    made = pickle.GLOBAL + name + pickle.EMPTY_TUPLE + pickle.NEWOBJ + pickle.BINPUT + b"\x00"
    own = pickle.EMPTY_DICT + item("me", pickle.BINGET + b"\x00") + pickle.SETITEM + pickle.BUILD
    path = tmp_path / "circle.pt"
    path.write_bytes(archive_of(b"\x80\x02" + made + own + pickle.STOP, {}))
    with pytest.raises(InputError, match="nested too deeply, or in a circle"):
        read_tensors(path)


def test_a_class_of_the_archive_is_never_called(tmp_path: Path):
    call = dump(MODULE)[2:-1] + pickle.EMPTY_TUPLE + pickle.REDUCE
    with pytest.raises(InputError, match="calls what is no function"):
        read(tmp_path, item("a", call))
