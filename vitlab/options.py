"""Options of a network as one writes them on a command line."""

import ast
from typing import Any

from vitlab.errors import InputError

EXAMPLE = "--options='stages=((32,), (64, 64)), pooling=average'"
WORDS = {"true": True, "false": False}  # that stand for something else than themselves


def read_options(text: str) -> dict[str, Any]:
    """`patch=16, pooling=average` as a dictionary: Python's numbers and lists, and plain words.

    `true` and `false` are the truth values that a config's flags take them for.

    Raises:
        InputError: it is not of this form.
    """
    try:
        call = ast.parse(f"dict({text})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
            raise ValueError("not name=value")
        names = [_name(keyword) for keyword in call.keywords]
        if len(set(names)) < len(names):
            raise ValueError("a name twice")
        values = [_value(keyword.value) for keyword in call.keywords]
        return dict(zip(names, values, strict=True))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"--options is {text!r}; write it as {EXAMPLE}") from error


def _name(keyword: ast.keyword) -> str:
    if keyword.arg is None:  # dict(**others)
        raise ValueError("not name=value")
    return keyword.arg


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return WORDS.get(node.id, node.id)
    return ast.literal_eval(node)
