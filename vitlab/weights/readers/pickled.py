"""What a PyTorch pickle says, read as data: nothing is imported and nothing is called.

A pickle is a program for a stack machine. Python's machine imports whatever a pickle names and calls
it; this one knows the instructions and the names that a dictionary of tensors needs, and makes plain
containers and the descriptions below from them. Everything else is refused by its name.
"""

import pickletools
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any, NamedTuple

from vitlab.weights.readers.arrays import BFLOAT16, LONGEST_NAME, Refused


class Storage(NamedTuple):
    """`length` numbers, which the file keeps under `key`."""

    key: str
    dtype: str
    length: int


class Tensor(NamedTuple):
    """Numbers of a storage from `offset` on; `stride` is counted in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class ScriptModule:
    """A module of a TorchScript archive: its tensors, its modules and its settings by their names.

    The archive has the code of its classes too, which nothing here reads.
    """

    def __init__(self) -> None:
        self.attributes: dict[str | int, Any] = {}


class _Name(NamedTuple):
    """A name that the pickle would import."""

    text: str


def describe(pickled: IO[bytes]) -> tuple[Any, dict[str, Storage]]:
    """The next pickle as dictionaries, lists, tuples, numbers, texts and `Tensor`s, and every storage
    that it points to.

    What is in the pickle once can be asked for again by two bytes, and so copied without end. Whoever
    writes a pickle of weights copies nothing twice: no more items than there are bytes so far.
    """
    machine = _Machine()
    try:
        for instruction, argument, _ in pickletools.genops(pickled):
            machine.step(instruction.name, argument)
            if machine.copied > pickled.tell():
                raise Refused("its pickle copies the same items again and again; refused")
        return machine.stack.pop(), machine.storages
    except (ValueError, IndexError, KeyError) as error:
        raise Refused(f"its pickle is damaged: {error or type(error).__name__}") from error


_FRAMING = {"PROTO", "FRAME", "STOP"}
_LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"}
_LITERALS |= {"BINSTRING", "SHORT_BINSTRING"}  # texts of Python 2
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_CONTAINERS = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}


class _Machine:
    """A stack, the heights at which it was marked, and a memo. `pickletools` names the instructions.

    `copied` counts the items that calls and states went through: those that the memo can give again.
    What stands on the stack since a mark is gone once it was taken, and needs no count.
    """

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}
        self.copied = 0

    def step(self, instruction: str, argument: Any) -> None:
        if instruction in _LITERALS:
            self.stack.append(argument)
        elif instruction in _CONSTANTS:
            self.stack.append(_CONSTANTS[instruction])
        elif instruction in _CONTAINERS:
            self.stack.append(_CONTAINERS[instruction]())
        elif instruction not in _FRAMING:
            self._act(instruction, argument)

    def _act(self, instruction: str, argument: Any) -> None:
        """What moves values between the stack, the containers and the memo."""
        match instruction:
            case "MARK":
                self.marks.append(len(self.stack))
            case "TUPLE":
                self.stack.append(tuple(self._since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                items = [self.stack.pop() for _ in range(int(instruction[-1]))]
                self.stack.append(tuple(reversed(items)))
            case "APPEND":
                self._extend([self.stack.pop()])
            case "APPENDS":
                self._extend(self._since_mark())
            case "SETITEM":
                value, key = self.stack.pop(), self.stack.pop()
                self._update([key, value])
            case "SETITEMS":
                self._update(self._since_mark())
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = self.stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = self.stack[-1]
            case "BINGET" | "LONG_BINGET":
                self.stack.append(self.memo[argument])
            case _:
                self._make(instruction, argument)

    def _make(self, instruction: str, argument: Any) -> None:
        """What would import, call and change objects in Python's machine."""
        match instruction:
            case "GLOBAL":
                self.stack.append(_known(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                name, module = self.stack.pop(), self.stack.pop()
                self.stack.append(_known(f"{_text(module)}.{_text(name)}"))
            case "BINPERSID":
                self.stack.append(self._storage(self.stack.pop()))
            case "REDUCE":
                arguments, name = self.stack.pop(), self.stack.pop()
                self.stack.append(_called(name, arguments))
                self.copied += sum(len(value) for value in arguments[:4] if type(value) in (list, tuple))
            case "NEWOBJ":
                arguments, name = self.stack.pop(), self.stack.pop()
                self.stack.append(_script_module(name, arguments))
            case "BUILD":
                attributes = self.stack.pop()
                if isinstance(self.stack[-1], ScriptModule):
                    self.stack[-1].attributes.update(_of_type(attributes, dict, "BUILD"))
                    self.copied += len(attributes)
                else:  # the attributes of an ordered dictionary, such as PyTorch's `_metadata`
                    _of_type(self.stack[-1], dict, "BUILD")
            case _:
                named = f" ({argument})" if isinstance(argument, str) else ""
                raise Refused(f"its pickle uses the instruction {instruction}{named}; refused")

    def _since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _extend(self, items: list[Any]) -> None:
        _of_type(self.stack[-1], list, "APPEND").extend(items)

    def _update(self, items: list[Any]) -> None:
        table = _of_type(self.stack[-1], dict, "SETITEM")
        table.update(_dictionary(zip(items[::2], items[1::2], strict=True)))

    def _storage(self, identifier: Any) -> Storage:
        """("storage", type, key, device, length[, what the oldest files share storages by])."""
        match identifier:
            case ("storage", _Name(text), str(key), _, int(length), *_) if (
                text in _STORAGES
                and len(key) <= LONGEST_NAME
                and len(identifier) <= 6
                and identifier[5:] in ((), (None,))
            ):
                storage = Storage(key, _STORAGES[text], length)
                if self.storages.setdefault(key, storage) != storage:
                    raise Refused(f"its pickle says two things about storage {key}; refused")
                return storage
        raise Refused("its pickle points to something that is no storage; refused")


def _of_type(value: Any, wanted: type, instruction: str) -> Any:
    if type(value) is not wanted:
        raise Refused(f"its pickle uses {instruction} on a {type(value).__name__}; refused")
    return value


def _text(value: Any) -> str:
    text = _of_type(value, str, "STACK_GLOBAL")
    if len(text) > LONGEST_NAME:  # joined anew each time
        raise Refused(f"its pickle asks for a name of {len(text)} letters; refused")
    return text


def _known(name: str) -> _Name:
    if name not in _FUNCTIONS and name not in _STORAGES and not name.startswith(_SCRIPTED):
        raise Refused(
            f"it asks for {name}, which is no part of a tensor; refused (a state dictionary saved by "
            "itself, or as .safetensors, asks for tensors alone)"
        )
    return _Name(_SCRIPTED if name.startswith(_SCRIPTED) else name)


def _called(name: Any, arguments: Any) -> Any:
    if not isinstance(name, _Name) or name.text not in _FUNCTIONS or type(arguments) is not tuple:
        raise Refused("its pickle calls what is no function, or with no arguments; refused")
    return _FUNCTIONS[name.text](arguments)


def _script_module(name: Any, arguments: Any) -> ScriptModule:
    if not isinstance(name, _Name) or name.text != _SCRIPTED or arguments != ():
        raise Refused("its pickle makes an object that is no module of TorchScript; refused")
    return ScriptModule()


def _ordered_dictionary(arguments: tuple) -> dict:
    """(), and the items follow; or, from Python 2, ([[key, value], ...],)."""
    match arguments:
        case ():
            return {}
        case (list(items),) if all(type(item) is list and len(item) == 2 for item in items):
            return _dictionary(items)
    raise Refused("its pickle makes an OrderedDict from something else than items; refused")


def _dictionary(items: Iterable[Sequence[Any]]) -> dict[str | int, Any]:
    table = {}
    for key, value in items:
        _check_key(key)
        table[key] = value
    return table


def _check_key(key: Any) -> None:
    """The hash of nested tuples can take for ever, and so can finding a key among long texts that are
    equal, or among numbers that Python hashes alike.
    """
    if not isinstance(key, str | int):
        raise Refused("its pickle has a key that is neither a text nor a number")
    if isinstance(key, str) and len(key) > LONGEST_NAME:
        raise Refused(f"its pickle has a key of {len(key)} letters; refused")
    if isinstance(key, int) and key.bit_length() > _LONGEST_KEY:
        raise Refused(f"its pickle has a key of {key.bit_length()} bits; refused")


def _tensor(arguments: tuple) -> Tensor:
    """(storage, offset, size, stride[, requires_grad, hooks[, metadata]])."""
    match arguments:
        case [Storage() as storage, offset, tuple(shape), tuple(stride), *_] if all(
            type(number) is int and number >= 0 for number in (offset, *shape, *stride)
        ) and len(shape) == len(stride):
            return Tensor(storage, offset, shape, stride)
    raise Refused("its pickle has a tensor without a storage, or of impossible sizes or strides")


def _parameter(arguments: tuple) -> Tensor:
    """(tensor, requires_grad, hooks)."""
    match arguments:
        case [Tensor() as tensor, *_]:
            return tensor
    raise Refused("its pickle has a parameter that is no tensor; refused")


def _typed_list(arguments: tuple) -> Any:
    """(list[, its type]), as TorchScript writes the settings of a module."""
    match arguments:
        case [value, *_]:
            return value
    raise Refused("its pickle makes a list of nothing; refused")


_LONGEST_KEY = 60  # bits; from 61 on, numbers share their hash
_SCRIPTED = "__torch__."  # the classes of a TorchScript archive, which are all one here
_FUNCTIONS: dict[str, Callable[[tuple], Any]] = {
    "collections.OrderedDict": _ordered_dictionary,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    **{
        f"torch.jit._pickle.{name}": _typed_list
        for name in (
            "restore_type_tag",
            "build_intlist",
            "build_doublelist",
            "build_boollist",
            "build_tensorlist",
        )
    },
}
_STORAGES = {
    f"{module}.{name}Storage": dtype
    for module in ("torch", "torch.cuda")
    for name, dtype in {
        "Double": "<f8",
        "Float": "<f4",
        "Half": "<f2",
        "BFloat16": BFLOAT16,
        "Long": "<i8",
        "Int": "<i4",
        "Short": "<i2",
        "Char": "i1",
        "Byte": "u1",
        "Bool": "?",
    }.items()
}
