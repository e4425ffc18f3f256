"""The processor of this machine, on which times and the last bits of sums depend."""

import os
import platform
import re
from pathlib import Path


def processor_name() -> str:
    """As Linux describes it; elsewhere its kind."""
    described = Path("/proc/cpuinfo")
    text = described.read_text(encoding="utf-8", errors="replace") if described.exists() else ""
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return name[1] if name else f"{platform.machine()} {platform.processor()}".strip()


def core_count() -> int:
    """The logical cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
