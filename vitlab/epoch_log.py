"""Reading `log.jsonl`: as a report shows it, and as a run that goes on finds it."""

import functools
import json
from pathlib import Path
from typing import Any

from vitlab.errors import InputError
from vitlab.progress import say


def read_lines(path: Path, way_out: str) -> list[Any]:
    """What the lines say, none where there is no file; one that was cut off at the end is left out.

    A process that is killed while it writes leaves such a line.

    Raises:
        InputError: another line is no JSON, or the file cannot be read; `way_out` says what to do.
    """
    if not path.exists():
        return []
    try:
        *whole, rest = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; {way_out}") from error
    lines = []
    for number, text in enumerate([*whole, *([rest] if rest else [])], 1):
        try:
            lines.append(json.loads(text))
        except ValueError as error:
            if number <= len(whole):
                message = f"cannot read {path}: line {number} is no JSON ({error}); {way_out}"
                raise InputError(message) from error
            _warn(path)
    return lines


@functools.cache
def _warn(path: Path) -> None:
    """Once, however often a command reads the file."""
    say(f"warning: the last line of {path} is cut off, and left out")
