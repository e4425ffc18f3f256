"""The processor of this machine, on which times and the last bits of sums depend."""

import os
import platform
import re
from pathlib import Path


def processor_name() -> str:
    """As Linux describes it; elsewhere its kind."""
    return _described("model name") or f"{platform.machine()} {platform.processor()}".strip()


def instruction_sets() -> frozenset[str]:
    """What an x86 processor can do ("avx2", "avx512f"), as Linux names it; empty elsewhere."""
    return frozenset(_described("flags").split())


def _described(key: str) -> str:
    """What Linux says of the first core; empty if nothing."""
    described = Path("/proc/cpuinfo")
    text = described.read_text(encoding="utf-8", errors="replace") if described.exists() else ""
    line = re.search(rf"^{key}[ \t]*:[ \t]*(.+)$", text, re.MULTILINE)
    return line[1] if line else ""


def core_count() -> int:
    """The logical cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
