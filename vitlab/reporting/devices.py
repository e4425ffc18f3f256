"""What a run computed on, in words: a processor by its name and cores, an accelerator by its name."""

from collections.abc import Mapping, Sequence
from typing import Any

from vitlab.language import Message


def timed_device(facts: Mapping[str, Any]) -> str | None:
    """That on which a network's time was measured, of the facts in network.json."""
    return facts.get("device") and _with_cores(facts["device"], facts.get("cores"))


def run_devices(manifest: Mapping[str, Any]) -> str:
    """All of a run; of an older one its processor has no name."""
    kinds: Sequence[str] = manifest.get("devices") or ["?"]
    name = kinds[0]
    if name == "cpu" and manifest.get("processor"):
        name = _with_cores(manifest["processor"], manifest.get("cores"))
    return Message("{count} × {device}", count=len(kinds), device=name) if len(kinds) > 1 else name


def _with_cores(name: str, cores: int | None) -> str:
    if cores is None:
        return name
    return Message("{device}, {n} core", "{device}, {n} cores", device=name, n=cores)
