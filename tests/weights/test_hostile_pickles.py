"""A PyTorch file runs nothing, whatever its pickle asks for, and takes no more than its size allows."""

import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.weights.pytorch_files import Call, Global, Storage, dump, tensor, write
from vitlab.errors import InputError
from vitlab.weights import read_tensors

VALUES = np.arange(6, dtype=np.float32)
STORAGE = Storage("0", 6)
WHOLE = tensor(STORAGE, (6,), (1,))
TOUCH = "touch PWNED"
SYSTEM = b"cos\nsystem\n"  # the instruction GLOBAL


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every attack of this file would leave this one behind, in whatever folder it ran."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "PWNED").exists()


def read(pickled: bytes, **storages: np.ndarray) -> dict[str, np.ndarray]:
    return read_tensors(write(Path("w.pth"), pickled, {"0": VALUES, **storages}))


def refused(pickled: bytes) -> str:
    with pytest.raises(InputError) as error:
        read(pickled)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_attacks_are_real(tmp_path: Path):
    pickle.loads(dump(Call("os", "system", (TOUCH,))))
    assert (tmp_path / "PWNED").exists()
    (tmp_path / "PWNED").unlink()


NESTED = dump(Call("os", "system", (TOUCH,)))
IMPORTED = Call("builtins", "__import__", ("os",))
ATTACKS = {
    "os.system": Call("os", "system", (TOUCH,)),
    "posix.system": Call("posix", "system", (TOUCH,)),
    "subprocess.Popen": Call("subprocess", "Popen", (("touch", "PWNED"),)),
    "pty.spawn": Call("pty", "spawn", (("touch", "PWNED"),)),
    "runpy._run_code": Call("runpy", "_run_code", ("open('PWNED', 'w')", {})),
    "builtins.eval": Call("builtins", "eval", ("open('PWNED', 'w')",)),
    "builtins.exec": Call("builtins", "exec", ("open('PWNED', 'w')",)),
    "builtins.open": Call("builtins", "open", ("PWNED", "w")),
    "builtins.__import__": IMPORTED,
    "builtins.getattr": Call("builtins", "getattr", (IMPORTED, "system")),
    "importlib.import_module": Call("importlib", "import_module", ("os",)),
    "functools.partial": Call("functools", "partial", (WHOLE, TOUCH)),
    "operator.attrgetter": Call("operator", "attrgetter", ("system",)),
    "copyreg._reconstructor": Call("copyreg", "_reconstructor", ()),
    "_codecs.encode": Call("_codecs", "encode", ("x", "latin1")),
    "pickle.loads": Call("pickle", "loads", (NESTED,)),
    "numpy.core.multiarray.scalar": Call("numpy.core.multiarray", "scalar", (b"|O8", NESTED)),
    "numpy.core.multiarray._reconstruct": Call("numpy.core.multiarray", "_reconstruct", ()),
    "numpy._core.multiarray._reconstruct": Call("numpy._core.multiarray", "_reconstruct", ()),
    "collections.OrderedDict.fromkeys": Call("collections", "OrderedDict.fromkeys", ((1,),)),
    "collections.OrderedDict.__reduce_ex__": Call("collections", "OrderedDict.__reduce_ex__", (2,)),
    "torch.load": Call("torch", "load", ("other.pth",)),
    "torch.hub.load": Call("torch.hub", "load", ("a/b", "c")),
    "torch.storage._load_from_bytes": Call("torch.storage", "_load_from_bytes", (NESTED,)),
    "torch._tensor._rebuild_from_type_v2": Call(
        "torch._tensor", "_rebuild_from_type_v2", (Global("os", "system"), TOUCH, (), None)
    ),
    "torch._utils._rebuild_wrapper_subclass": Call("torch._utils", "_rebuild_wrapper_subclass", ()),
    "torch._utils._rebuild_device_tensor_from_numpy": Call(
        "torch._utils", "_rebuild_device_tensor_from_numpy", ()
    ),
    "torch._utils._rebuild_qtensor": Call("torch._utils", "_rebuild_qtensor", (STORAGE,)),
    "torch._utils._rebuild_tensor_v2.__globals__": Call(
        "torch._utils", "_rebuild_tensor_v2.__globals__", ()
    ),
    "torch.serialization.add_safe_globals": Call("torch.serialization", "add_safe_globals", ()),
    "torch.ComplexFloatStorage": Storage("0", 3, "ComplexFloatStorage"),
    "vitlab.weights.readers.pickled._text": Call("vitlab.weights.readers.pickled", "_text", ()),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_pickle_that_asks_for_anything_else_is_refused_by_name(name: str):
    message = f"it asks for {name}, which is no part of a tensor; refused"
    assert message in refused(dump({"w": ATTACKS[name]}))
    assert message in refused(dump({"w": WHOLE, "epoch": (ATTACKS[name], 3)}))


def test_hooks_of_a_tensor_are_looked_at_too():
    hooks = Call("os", "system", (TOUCH,))
    arguments = (STORAGE, 0, (6,), (1,), False, hooks)
    assert "asks for os.system" in refused(
        dump({"w": Call("torch._utils", "_rebuild_tensor_v2", arguments)})
    )
    parameter = Call("torch._utils", "_rebuild_parameter", (WHOLE, True, hooks))
    assert "asks for os.system" in refused(dump({"w": parameter}))


def text(value: str) -> bytes:
    return pickle.SHORT_BINUNICODE + bytes([len(value)]) + value.encode()


ARGUMENTS = text(TOUCH) + pickle.TUPLE1


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (text("os") + text("system") + pickle.STACK_GLOBAL + ARGUMENTS + pickle.REDUCE, "os.system"),
        (pickle.MARK + text(TOUCH) + b"ios\nsystem\n", "INST (os system)"),
        (pickle.MARK + SYSTEM + text(TOUCH) + pickle.OBJ, "os.system"),
        (SYSTEM + ARGUMENTS + pickle.NEWOBJ, "os.system"),
        (SYSTEM + ARGUMENTS + pickle.EMPTY_DICT + pickle.NEWOBJ_EX, "os.system"),
        (pickle.EXT1 + b"\x01", "the instruction EXT1"),
        (pickle.EXT4 + struct.pack("<i", 1), "the instruction EXT4"),
        (b"P0\n", "the instruction PERSID"),
        (b"I1\n", "the instruction INT"),
        (b"cos\rsystem\nsystem\n", r"asks for os\rsystem.system"),
        (text("o\ns") + text("system") + pickle.STACK_GLOBAL, r"asks for o\ns.system"),
        (text("x" * 200) + text("y" * 250) + pickle.STACK_GLOBAL, "asks for xxxx"),
        (pickle.NONE + text("system") + pickle.STACK_GLOBAL, "STACK_GLOBAL on a NoneType"),
    ],
)
def test_every_instruction_that_could_run_something_is_refused(pickled: bytes, message: str):
    assert message in refused(b"\x80\x04" + pickled + pickle.STOP)


ORDERED = dump(Global("collections", "OrderedDict"))[2:-1]
FLOATS = dump(Global("torch", "FloatStorage"))[2:-1]
FUNCTION = dump(Global("torch._utils", "_rebuild_tensor_v2"))[2:-1]
TENSOR = dump(WHOLE)[2:-1]
STATE = dump({"dtype": "O", "__setstate__": 1, "__class__": 2})[2:-1]
SLOTS = pickle.NONE + STATE + pickle.TUPLE2


@pytest.mark.parametrize("state", [STATE, SLOTS])
@pytest.mark.parametrize(
    "target", [ORDERED, FLOATS, FUNCTION, TENSOR, dump(STORAGE)[2:-1], text("x"), pickle.EMPTY_LIST]
)
def test_nothing_but_a_dictionary_takes_a_state(target: bytes, state: bytes):
    """And no file can change how the next one is read."""
    assert "uses BUILD on a" in refused(b"\x80\x02" + target + state + pickle.BUILD + pickle.STOP)
    np.testing.assert_array_equal(read(dump({"w": WHOLE}))["w"], VALUES)


def test_the_attributes_of_an_ordered_dictionary_are_dropped():
    ordered = ORDERED + pickle.EMPTY_TUPLE + pickle.REDUCE
    items = ordered + text("w") + TENSOR + pickle.SETITEM
    assert list(read(b"\x80\x02" + items + STATE + pickle.BUILD + pickle.STOP)) == ["w"]


def items(item: Any) -> bytes:
    """The arguments with which Python 2 makes an ordered dictionary of one item."""
    return pickle.dumps(([item],), protocol=2)[2:-1]


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (TENSOR + text("k") + text("v") + pickle.SETITEM, "SETITEM on a Tensor"),
        (TENSOR + pickle.MARK + pickle.NONE + pickle.NONE + pickle.SETITEMS, "SETITEM on a Tensor"),
        (TENSOR + pickle.NONE + pickle.APPEND, "APPEND on a Tensor"),
        (pickle.EMPTY_DICT + pickle.NONE + pickle.APPEND, "APPEND on a dict"),
        (pickle.EMPTY_DICT + pickle.MARK + pickle.NONE + pickle.SETITEMS, "damaged"),
        (pickle.EMPTY_DICT + TENSOR + pickle.NONE + pickle.SETITEM, "neither a text nor a number"),
        (FLOATS + pickle.EMPTY_TUPLE + pickle.REDUCE, "calls what is no function"),
        (text("x") + pickle.EMPTY_TUPLE + pickle.REDUCE, "calls what is no function"),
        (FUNCTION + pickle.EMPTY_DICT + pickle.REDUCE, "calls what is no function"),
        (FUNCTION + pickle.EMPTY_TUPLE + pickle.REDUCE, "a tensor without a storage"),
        (ORDERED + TENSOR + pickle.TUPLE1 + pickle.REDUCE, "makes an OrderedDict from something else"),
        (
            ORDERED + text("ab") + pickle.TUPLE1 + pickle.REDUCE,
            "makes an OrderedDict from something else",
        ),
        (ORDERED + items("ab") + pickle.REDUCE, "makes an OrderedDict from something else"),
        (ORDERED + items([(), 1]) + pickle.REDUCE, "neither a text nor a number"),
        (pickle.REDUCE, "damaged"),
        (pickle.BINGET + b"\x07", "damaged"),
        (pickle.TUPLE, "damaged"),
        (pickle.NONE + pickle.TUPLE3, "damaged"),
        (b"", "damaged"),
        (pickle.BINUNICODE + struct.pack("<I", 2**32 - 1) + b"x", "damaged"),
        (pickle.BINUNICODE8 + struct.pack("<Q", 2**62) + b"x", "damaged"),
        (pickle.LONG4 + struct.pack("<i", 2**31 - 1), "damaged"),
        (pickle.LONG4 + struct.pack("<i", -1), "damaged"),
        (b"\xff", "damaged"),
        (pickle.INT + b"9" * 100_000 + b"\n", "is damaged: a number has thousands of digits"),
        (pickle.LONG + b"9" * 100_000 + b"L\n", "is damaged: a number has thousands of digits"),
        (pickle.NONE, "a NoneType, not a state dictionary"),
        (pickle.EMPTY_DICT, "holds no tensors"),
    ],
)
def test_a_pickle_that_makes_no_sense_is_refused(pickled: bytes, message: str):
    assert message in refused(b"\x80\x02" + pickled + pickle.STOP)


def test_a_pickle_without_an_end_is_refused():
    assert "damaged" in refused(b"\x80\x02" + pickle.EMPTY_DICT)


@pytest.mark.parametrize(
    "identifier",
    [
        "0",
        (),
        ("storage", Global("torch", "FloatStorage"), "0", "cpu"),
        ("module", Global("torch", "FloatStorage"), "0", "cpu", 6),
        ("storage", Global("torch._utils", "_rebuild_tensor_v2"), "0", "cpu", 6),
        ("storage", "FloatStorage", "0", "cpu", 6),
        ("storage", Global("torch", "FloatStorage"), 0, "cpu", 6),
        ("storage", Global("torch", "FloatStorage"), "0", "cpu", "6"),
        (("storage",), Global("torch", "FloatStorage"), "0", "cpu", 6),
        ("storage", Global("torch", "FloatStorage"), "0", "cpu", 6, ("1", 0, 6)),
    ],
)
def test_a_pointer_to_something_else_is_refused(identifier):
    pickled = dump(identifier)[:-1] + pickle.BINPERSID + pickle.STOP
    assert "points to something that is no storage" in refused(pickled)


def doubled(times: int, together: bytes) -> bytes:
    """A container that holds the one before it twice, so many times."""
    step = pickle.BINPUT + b"\x01" + pickle.BINGET + b"\x01" + together
    return pickle.EMPTY_TUPLE + step * times


@pytest.mark.parametrize(
    "laughs",
    [
        doubled(100, pickle.TUPLE2),
        pickle.EMPTY_TUPLE + pickle.TUPLE1 * 20_000,
        pickle.EMPTY_LIST + pickle.BINPUT + b"\x01" + pickle.BINGET + b"\x01" + pickle.APPEND,
    ],
    ids=["2^100 tuples", "a tuple 20,000 deep", "a list in itself"],
)
def test_containers_that_hold_themselves_many_times_cost_nothing(laughs: bytes):
    pickled = b"\x80\x02" + pickle.EMPTY_DICT
    beside = pickled + text("x") + laughs + pickle.SETITEM + text("w") + TENSOR + pickle.SETITEM
    assert list(read(beside + pickle.STOP)) == ["w"]
    if not laughs.startswith(pickle.EMPTY_LIST):  # hashing it would take for ever
        key = pickled + laughs + pickle.NONE + pickle.SETITEM + pickle.STOP
        assert "neither a text nor a number" in refused(key)
    size = pickled + text("w") + FUNCTION + pickle.MARK + dump(STORAGE)[2:-1] + b"K\x00" + laughs
    assert refused(size + laughs + pickle.TUPLE + pickle.REDUCE + pickle.SETITEM + pickle.STOP)


def kept(value: bytes, place: int) -> bytes:
    """A value in the memo, from where `get` has it as often as one likes."""
    return value + pickle.BINPUT + bytes([place])


def get(place: int) -> bytes:
    return pickle.BINGET + bytes([place])


def listed(values: bytes) -> bytes:
    return pickle.EMPTY_LIST + pickle.MARK + values + pickle.APPENDS


def number(value: int) -> bytes:
    return pickle.BININT + struct.pack("<i", value)


COUNT = 10_000
PAIRS = listed(b"".join(listed(number(key) + pickle.NONE) for key in range(COUNT)))
TABLE = pickle.EMPTY_DICT + pickle.MARK
TABLE += b"".join(number(key) + pickle.NONE for key in range(COUNT)) + pickle.SETITEMS
MODULE = pickle.GLOBAL + b"__torch__.a\nB\n" + pickle.EMPTY_TUPLE + pickle.NEWOBJ
ONES = pickle.MARK + number(1) * COUNT + pickle.TUPLE
VAST = pickle.MARK + dump(STORAGE)[2:-1] + number(0) + get(0) + get(0) + pickle.TUPLE
REPETITIONS = {
    "dictionaries": (kept(PAIRS + pickle.TUPLE1, 0) + kept(ORDERED, 1), get(1) + get(0) + pickle.REDUCE),
    "states": (kept(TABLE, 0) + MODULE, get(0) + pickle.BUILD),
    "shapes": (kept(ONES, 0) + kept(VAST, 1) + kept(FUNCTION, 2), get(2) + get(1) + pickle.REDUCE),
}


@pytest.mark.parametrize("name", REPETITIONS)
def test_what_a_pickle_says_once_is_not_copied_again_and_again(name: str):
    once, repeated = REPETITIONS[name]
    path = write(Path("w.pth"), b"\x80\x02" + once + repeated * 1000 + pickle.STOP, {"0": VALUES})
    tracemalloc.start()
    with pytest.raises(InputError, match="its pickle copies the same items again and again; refused"):
        read_tensors(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**7  # a thousand dictionaries take thirty times as much


def test_no_honest_pickle_copies_more_than_it_says():
    """Each item is copied once from what Python 2 wrote, and so is each of a module."""
    pairs = listed(
        listed(text("w") + TENSOR) + b"".join(listed(number(key) + pickle.NONE) for key in range(COUNT))
    )
    ordered = ORDERED + pairs + pickle.TUPLE1 + pickle.REDUCE
    np.testing.assert_array_equal(read(b"\x80\x02" + ordered + pickle.STOP)["w"], VALUES)
    bare = b"".join(pickle.BININT1 + bytes([key]) + pickle.NONE for key in range(256))
    state = (
        pickle.EMPTY_DICT + pickle.MARK + bare + pickle.SETITEMS + text("w") + TENSOR + pickle.SETITEM
    )
    built = MODULE + state + pickle.BUILD
    np.testing.assert_array_equal(read(b"\x80\x02" + built + pickle.STOP)["w"], VALUES)


def long_text(length: int) -> bytes:
    return pickle.BINUNICODE + struct.pack("<I", length) + b"x" * length


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (pickle.EMPTY_DICT + long_text(1001) + pickle.NONE + pickle.SETITEM, "a key of 1001 letters"),
        (pickle.EMPTY_DICT + dump(2**60)[2:-1] + pickle.NONE + pickle.SETITEM, "a key of 61 bits"),
        (text("__torch__") + long_text(1001) + pickle.STACK_GLOBAL, "asks for a name of 1001 letters"),
        (long_text(1001) + text("a") + pickle.STACK_GLOBAL, "asks for a name of 1001 letters"),
        (dump(Storage("x" * 1001, 6))[2:-1], "points to something that is no storage"),
    ],
)
def test_no_name_is_longer_than_any_network_needs(pickled: bytes, message: str):
    """Two of two megabytes each, compared or joined at every second byte, take hours."""
    assert message in refused(b"\x80\x02" + pickled + pickle.STOP)


def test_a_description_of_megabytes_is_refused():
    assert "data.pkl where one" in refused(b"\x80\x02" + pickle.EMPTY_LIST * 5_000_000)
