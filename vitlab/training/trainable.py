"""Which parameters a phase trains, at which rates and with how much weight decay."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vitlab.config import Phase
from vitlab.errors import InputError
from vitlab.models import layer_numbers
from vitlab.names import unknown


@dataclass(frozen=True)
class Chosen:
    """The parameters of a phase by their paths.

    `rates` are the factors of the learning rate, `decays` those of the weight decay; 1 if left out.
    """

    paths: frozenset[str]
    rates: Mapping[str, float]
    decays: Mapping[str, float]


def chosen_parameters(paths: Iterable[str], phase: Phase, where: str) -> Chosen:
    """What the phase at `where` in the config trains of a network that has these parameters.

    Raises:
        InputError: a pattern matches nothing, or is no regular expression, or the network has fewer
            layers than are to train, or no order of them.
    """
    paths = list(paths)
    allowed = paths
    layers = layer_numbers(paths) if phase.layer_decay != 1 or phase.last_layers else {}
    if phase.last_layers:
        count = 1 + max(layers.values())
        if phase.last_layers > count:
            raise InputError(
                f"{where}.last_layers is {phase.last_layers}; the network has {count}, its head "
                "included (0: all of them)"
            )
        allowed = [path for path in paths if layers[path] >= count - phase.last_layers]
    chosen = _matched(allowed, phase.trainable, f"{where}.trainable")
    rates = _factors(chosen, phase.rates, f"{where}.rates")
    if phase.layer_decay != 1:
        last = max(layers.values())
        rates = {
            path: rates.get(path, 1.0) * phase.layer_decay ** (last - layers[path]) for path in chosen
        }
    return Chosen(chosen, rates, _factors(chosen, phase.decays, f"{where}.decays"))


def _matched(paths: Iterable[str], patterns: Sequence[str], where: str) -> frozenset[str]:
    """The paths that one of `patterns` matches whole."""
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


def _factors(
    paths: Iterable[str], patterns: Sequence[tuple[str, float]], where: str
) -> dict[str, float]:
    """The factor of each path that a pattern matches whole, by the first that does."""
    paths = list(paths)
    factors: dict[str, float] = {}
    for pattern, factor in patterns:
        for path in _matched(paths, (pattern,), where):
            factors.setdefault(path, factor)
    return factors


def _families(paths: Iterable[str]) -> list[str]:
    """Patterns that do match, two levels deep: `backbone/blocks/.*`, `head/.*`."""
    return sorted({"/".join(path.split("/")[:2][: path.count("/")]) + "/.*" for path in paths})
