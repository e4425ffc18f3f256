"""A profile holds the steps that were asked for, by name, and changes nothing."""

import gzip
import json
from pathlib import Path

import jax
import jax.numpy as jnp

from vitlab.training import Profiler


def steps_in(folder: Path) -> set[str]:
    (trace,) = folder.rglob("*.trace.json.gz")
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    return {event["args"]["step_num"] for event in events if event.get("name") == "step of head"}


def test_the_steps_after_the_first_are_traced(tmp_path: Path, capsys):
    profiler = Profiler(tmp_path, 2)
    step = profiler.watched("head", jax.jit(lambda number: number + 1))
    assert [int(step(jnp.asarray(number))) for number in range(5)] == [1, 2, 3, 4, 5]
    assert steps_in(tmp_path / "head") == {"2", "3"}
    assert f"profile of head: {tmp_path / 'head'}" in capsys.readouterr().out


def test_a_phase_with_fewer_steps_is_traced_to_its_end(tmp_path: Path):
    profiler = Profiler(tmp_path, 100)
    step = profiler.watched("head", jax.jit(lambda number: number + 1))
    for number in range(3):
        step(jnp.asarray(number))
    profiler.close()
    assert steps_in(tmp_path / "head") == {"2", "3"}
