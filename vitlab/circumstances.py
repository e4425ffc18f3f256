"""What ran, and on what: the versions of vitlab and its libraries, the machine, the command."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import vitlab
from vitlab.processor import core_count, processor_name

PACKAGES = ("jax", "flax", "optax", "orbax-checkpoint", "grain", "numpy", "scikit-learn", "pillow")


def circumstances() -> dict[str, Any]:
    """What a run's figures depend on beside its config: versions, machine, the command and its place."""
    return {
        **versions(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor_name(),
        "cores": core_count(),
        "folder": os.getcwd(),
        "command": sys.orig_argv[1:],
    }


def versions() -> dict[str, str | None]:
    """Of vitlab alone."""
    return {"vitlab": vitlab.__version__, "git_commit": _git_commit()}


def version_text(facts: Mapping[str, Any]) -> str:
    """What `versions` said, now or in a manifest: "vitlab 0.1.0 (commit 75a55c303a38)"."""
    number, commit = facts.get("vitlab"), facts.get("git_commit")
    return f"vitlab {number or 'of unknown version'}{f' (commit {commit[:12]})' if commit else ''}"


def _git_commit() -> str | None:
    """The commit of vitlab's own checkout, `-dirty` if it was changed; None where it is installed."""
    package = Path(vitlab.__file__)
    if _git(package.parent, "ls-files", "--error-unmatch", package.name) is None:
        return None
    return _git(package.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder: Path, *words: str) -> str | None:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
