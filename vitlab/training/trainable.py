"""Which parameters a phase trains: patterns over their paths."""

import re
from collections.abc import Iterable, Sequence

from vitlab.errors import InputError
from vitlab.names import unknown


def trainable_paths(paths: Iterable[str], patterns: Sequence[str], where: str) -> frozenset[str]:
    """The paths that one of `patterns` matches whole.

    Raises:
        InputError: a pattern matches nothing, or is no regular expression.
    """
    paths = list(paths)
    chosen: set[str] = set()
    for pattern in patterns:
        try:
            matched = {path for path in paths if re.fullmatch(pattern, path)}
        except re.error as error:
            raise InputError(f"{where}: {pattern!r} is no pattern: {error}") from error
        if not matched:
            raise InputError(unknown("pattern of parameters", pattern, _families(paths), where))
        chosen |= matched
    if not chosen:
        raise InputError(f"{where} is empty; a phase trains at least the head: ('head/.*',)")
    return frozenset(chosen)


def _families(paths: Iterable[str]) -> list[str]:
    """Patterns that do match, two levels deep: `backbone/blocks/.*`, `head/.*`."""
    return sorted({"/".join(path.split("/")[:2][: path.count("/")]) + "/.*" for path in paths})
