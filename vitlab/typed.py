"""Frozen dataclasses from plain dictionaries, with every key and every type checked."""

import collections.abc
import dataclasses
import itertools
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from vitlab.errors import InputError
from vitlab.names import unknown

T = TypeVar("T")

# A number that may be 0, which others of a network's may not; who takes it says how large it may be.
Share = Annotated[float, "a share"]


def build(kind: type[T], values: Any, where: str = "") -> T:
    """An instance of the dataclass `kind`; what `values` leaves out keeps its default.

    Fields may be dataclasses, bool, int, float, str, `Literal` of strings, `tuple[X, ...]`,
    `tuple[X, Y]` and `Mapping[str, X]`. `where` is the path of `values`, for messages.

    Raises:
        InputError: an unknown key (the nearest known one is offered), or a value of another type.
        TypeError: a field that has no default is left out.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{where or 'the config'} is {values!r}; it must be a group of settings")
    hints = typing.get_type_hints(kind)
    known = [item.name for item in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise InputError(unknown("config key", key, known, where or "config"))
    prefix = f"{where}." if where else ""
    return kind(**{key: checked(hints[key], value, prefix + key) for key, value in values.items()})


def checked(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint` says. Raises InputError, which names `where`, if it cannot be."""
    if hint is Any:
        return value
    outer, inner = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, where)
    if outer is collections.abc.Mapping:
        if not isinstance(value, Mapping):
            raise InputError(f"{where} is {value!r}; it must be a group of settings")
        return {key: checked(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    if outer is tuple:
        if not isinstance(value, (tuple, list)):
            raise InputError(f"{where} is {value!r}; it must be a list, such as ({value!r},)")
        if inner[-1] is not ... and len(value) != len(inner):
            raise InputError(f"{where} is {value!r}; it must have {len(inner)} entries")
        kinds = itertools.repeat(inner[0]) if inner[-1] is ... else inner
        return tuple(checked(kind, item, where) for kind, item in zip(kinds, value, strict=False))
    if outer is Literal and value not in inner:
        raise InputError(unknown("value", str(value), inner, where))
    if hint is float and type(value) is int:
        value = float(value)
    if isinstance(hint, type) and type(value) is not hint:
        raise InputError(f"{where} is {value!r}; it must be of type {hint.__name__}")
    return value
