"""Which parameters a phase trains, and at which rates: patterns over their paths."""

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


def rate_factors(
    paths: Iterable[str], rates: Sequence[tuple[str, float]], where: str
) -> dict[str, float]:
    """The factor of each path that a pattern matches whole, by the first that does.

    Raises:
        InputError: a pattern matches nothing, or is no regular expression.
    """
    paths = list(paths)
    factors: dict[str, float] = {}
    for pattern, factor in rates:
        for path in trainable_paths(paths, (pattern,), where):
            factors.setdefault(path, factor)
    return factors


def _families(paths: Iterable[str]) -> list[str]:
    """Patterns that do match, two levels deep: `backbone/blocks/.*`, `head/.*`."""
    return sorted({"/".join(path.split("/")[:2][: path.count("/")]) + "/.*" for path in paths})
