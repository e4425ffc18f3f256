"""What is in a traced program."""

from collections.abc import Iterator
from typing import Any

import jax


def every_program(program: Any) -> Iterator[Any]:
    """The program, and those that its steps call, at any depth."""
    yield program
    for step in program.eqns:
        for parameter in jax.tree.leaves(list(step.params.values())):
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                yield from every_program(inner)
