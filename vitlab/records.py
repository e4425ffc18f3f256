"""What is read of the small files of a run, and whether it is there in the types that readers need.

People change these files by hand, and other programs write them too. Keys that nobody reads are free,
and so is whatever an older vitlab did not write.
"""

import math
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypedDict

from vitlab.errors import InputError

Amount = Annotated[float, "of 0 or more"]
Positive = Annotated[float, "above 0"]
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class Pretraining(TypedDict, total=False):
    data: str | None
    signs: list[str] | None
    met: int | None
    tested: int | None


class Manifest(TypedDict, total=False):
    finished: bool
    vitlab: str | None
    git_commit: str | None
    system: str | None
    folder: str
    devices: list[str]
    processor: str | None
    cores: int | None
    command: list[str]
    batch_size: int
    split_hash: str
    pretraining: Pretraining | None


class NetworkFacts(TypedDict, total=False):
    weights_bytes: int | None
    milliseconds: Positive | None
    flops: Amount | None
    input_size: int | None
    device: str | None
    cores: int | None


class Network(TypedDict, total=False):
    facts: NetworkFacts | None


class NearCopy(TypedDict, total=False):
    path: str
    label: str
    answer: str
    probability: float
    copy: str
    copy_label: str
    likeness: float


class Analysis(TypedDict, total=False):
    phase: str
    wrong: int
    near_copies: list[NearCopy]
    copies_looked_for: int


class Origin(TypedDict, total=False):
    weights: str | None


class Spent(TypedDict, total=False):
    compiling: Amount
    stepping: Amount


class Trained(TypedDict, total=False):
    epochs: int
    best_epoch: int | None
    seconds: Amount
    trainable: int
    spent: Spent | None


class Classes(TypedDict):
    class_names: list[str]


class Card(Classes, total=False):
    """model.json."""

    name: str
    parameters: int
    origin: Origin | None
    trained: Trained | None


class Scores(TypedDict):
    """Of an epoch; a loss may be NaN."""

    accuracy: float
    loss: float


class LogLine(TypedDict):
    phase: str
    epoch: int
    epoch_of_run: int
    train: Scores
    val: Scores


class Bootstrap(TypedDict):
    """Of figures by their keys, as "macro.f1"."""

    seed: int
    resamples: int
    rank_resamples: int
    intervals: dict[str, list[float] | None]
    no_interval: dict[str, str]


class TestFigures(TypedDict):
    n: int
    accuracy: float
    accuracy_interval: list[float]
    loss: float


class TestMetrics(TestFigures, total=False):
    """Of an older vitlab without the bootstrap."""

    bootstrap: Bootstrap


class PhaseMetrics(TypedDict):
    """metrics.json, of one phase."""

    test: TestMetrics


def refuse_other(kind: Any, value: Any, path: Path, place: str, way_out: str) -> None:
    """Raises InputError if what `path` holds, at `place` in it, is not of the type `kind`."""
    found = _flaw(kind, value, place)
    if found:
        raise InputError(f"cannot read {path}: {found}; {way_out}")


def _flaw(kind: Any, value: Any, place: str) -> str:
    """What is wrong where; empty if nothing is."""
    outer, inner = typing.get_origin(kind), typing.get_args(kind)
    if typing.is_typeddict(kind):
        return _flaw_of_object(kind, value, place)
    if outer in (types.UnionType, typing.Union):  # with None
        return "" if value is None else _flaw(inner[0], value, place)
    if outer is list:
        if not isinstance(value, list):
            return f"{place} is no list"
        return _first(_flaw(inner[0], item, f"{place}[{at}]") for at, item in enumerate(value))
    if outer is dict:
        if not isinstance(value, dict):
            return f"{place} is no JSON object"
        return _first(_flaw(inner[1], item, f"{place}.{key}") for key, item in value.items())
    if outer is Annotated:
        is_sound = _is(float, value) and math.isfinite(value) and value >= 0
        is_sound = is_sound and (kind is Amount or value > 0)
        return "" if is_sound else f"{place} is no number {inner[1]}"
    return "" if _is(kind, value) else f"{place} is not {_WORDS[kind]}"


def _flaw_of_object(kind: Any, value: Any, place: str) -> str:
    if not isinstance(value, dict):
        return f"{place} is no JSON object"
    missing = sorted(kind.__required_keys__ - value.keys())
    if missing:
        return f"{place} has no {missing[0]!r}"
    hints = typing.get_type_hints(kind, include_extras=True)
    return _first(_flaw(hints[key], value[key], f"{place}.{key}") for key in hints if key in value)


def _first(flaws: Iterable[str]) -> str:
    return next(filter(None, flaws), "")


def _is(kind: type, value: Any) -> bool:
    return type(value) is kind or (kind is float and type(value) is int)
