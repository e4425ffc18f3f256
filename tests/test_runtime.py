"""How JAX is started."""

import subprocess
import sys

from tests.conftest import ROOT

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
