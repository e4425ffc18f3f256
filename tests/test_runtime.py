"""How JAX is started."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

SMALL_PROGRAM = """
from vitlab import runtime

runtime.start()
import jax
from jax import monitoring

found = []
monitoring.register_event_listener(lambda event, **_: found.append(event))
jax.jit(lambda number: number + 1)(2.0).block_until_ready()
print([found.count(f"/jax/compilation_cache/cache_{what}") for what in ("misses", "hits")])
"""
PROGRAM = """
from vitlab import runtime

runtime.start()
import jax
import jax.numpy as jnp

step = jax.jit(lambda matrix: matrix @ matrix @ matrix)
matrix = jnp.ones((3000, 3000))
step(matrix).block_until_ready()
print([step(matrix).is_ready() for _ in range(3)])
"""


def test_on_cpu_a_program_has_run_when_its_call_is_back() -> None:
    """In the main thread, whose heap keeps its memory."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[True, True, True]\n"


def test_the_smallest_program_is_compiled_once(tmp_path: Path) -> None:
    """A start needs a dozen of them, which took a third of a second to compile."""
    command = [sys.executable, "-c", SMALL_PROGRAM]
    environment = os.environ | {"VITLAB_CACHE": str(tmp_path)}
    runs = [
        subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
        for _ in range(2)
    ]
    assert [run.stdout for run in runs] == ["[1, 0]\n", "[0, 1]\n"]
