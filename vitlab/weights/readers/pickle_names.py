"""All that a PyTorch pickle may ask for, and what it gets: a table of names, and nothing is imported."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vitlab.weights.readers.arrays import BFLOAT16, Refused
from vitlab.weights.readers.pickle_values import (
    ScriptModule,
    ordered_dictionary,
    parameter,
    tensor,
    typed_list,
)

FUNCTIONS: dict[str, Callable[[tuple], Any]] = {
    "collections.OrderedDict": ordered_dictionary,
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor,
    "torch._utils._rebuild_parameter": parameter,
    **{
        f"torch.jit._pickle.{name}": typed_list
        for name in (
            "restore_type_tag",
            "build_intlist",
            "build_doublelist",
            "build_boollist",
            "build_tensorlist",
        )
    },
}
STORAGES = {
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
SCRIPTED = "__torch__."  # the classes of a TorchScript archive, which are all one here


class Name(NamedTuple):
    """A name that the pickle would import."""

    text: str


def known(name: str) -> Name:
    if name not in FUNCTIONS and name not in STORAGES and not name.startswith(SCRIPTED):
        raise Refused(
            f"it asks for {name}, which is no part of a tensor; refused (a state dictionary saved by "
            "itself, or as .safetensors, asks for tensors alone)"
        )
    return Name(SCRIPTED if name.startswith(SCRIPTED) else name)


def called(name: Any, arguments: Any) -> Any:
    if not isinstance(name, Name) or name.text not in FUNCTIONS or type(arguments) is not tuple:
        raise Refused("its pickle calls what is no function, or with no arguments; refused")
    return FUNCTIONS[name.text](arguments)


def script_module(name: Any, arguments: Any) -> ScriptModule:
    if not isinstance(name, Name) or name.text != SCRIPTED or arguments != ():
        raise Refused("its pickle makes an object that is no module of TorchScript; refused")
    return ScriptModule()
