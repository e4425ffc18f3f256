"""What a PyTorch pickle says, read as data: nothing is imported and nothing is called.

A pickle is a program for a stack machine. Python's machine imports whatever a pickle names and calls
it; this one knows the instructions, and of the names only those of `pickle_names.py`, that a dictionary
of tensors needs, and makes plain containers and descriptions of tensors from them. Everything else is
refused by its name.
"""

import pickletools
from typing import IO, Any

from vitlab.weights.readers.arrays import LONGEST_NAME, Refused
from vitlab.weights.readers.pickle_names import STORAGES, Name, called, known, script_module
from vitlab.weights.readers.pickle_values import ScriptModule, Storage, dictionary


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
        raise Refused(f"its pickle is damaged: {_damage(error)}") from error


def _damage(error: Exception) -> str:
    reason = str(error) or type(error).__name__
    if "set_int_max_str_digits" in reason:  # Python's advice is for whoever wrote the program
        return "a number has thousands of digits"
    return reason


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
                self.stack.append(known(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                name, module = self.stack.pop(), self.stack.pop()
                self.stack.append(known(f"{_text(module)}.{_text(name)}"))
            case "BINPERSID":
                self.stack.append(self._storage(self.stack.pop()))
            case "REDUCE":
                arguments, name = self.stack.pop(), self.stack.pop()
                self.stack.append(called(name, arguments))
                self.copied += sum(len(value) for value in arguments[:4] if type(value) in (list, tuple))
            case "NEWOBJ":
                arguments, name = self.stack.pop(), self.stack.pop()
                self.stack.append(script_module(name, arguments))
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
        table.update(dictionary(zip(items[::2], items[1::2], strict=True)))

    def _storage(self, identifier: Any) -> Storage:
        """("storage", type, key, device, length[, what the oldest files share storages by])."""
        match identifier:
            case ("storage", Name(text), str(key), _, int(length), *_) if (
                text in STORAGES
                and len(key) <= LONGEST_NAME
                and len(identifier) <= 6
                and identifier[5:] in ((), (None,))
            ):
                storage = Storage(key, STORAGES[text], length)
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
