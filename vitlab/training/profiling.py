"""A trace of some steps of each phase, as JAX's profiler writes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from vitlab import files
from vitlab.progress import say


class Profiler:
    """Watches the `steps` steps of each phase that come after the one that compiles."""

    def __init__(self, folder: Path, steps: int):
        self._folder, self._steps = folder, steps
        self._under_way: Path | None = None

    def watched(self, phase: str, step: Callable[..., Any]) -> Callable[..., Any]:
        """The step of a phase, as it was, that a trace is written of."""
        calls = 0

        def call(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                self._start(self._folder / phase)
            with jax.profiler.StepTraceAnnotation(f"step of {phase}", step_num=calls):
                results = step(*arguments)
            if calls == self._steps + 1:
                jax.block_until_ready(results)
                self.close()
            return results

        return call

    def close(self) -> None:
        """Ends a trace that is under way: a phase may have fewer steps."""
        if self._under_way is not None:
            jax.profiler.stop_trace()
            say(
                f"         profile of {self._under_way.name}: {self._under_way}; look at it with "
                f"`pip install xprof` and `xprof --logdir={self._under_way.parent}`"
            )
            self._under_way = None

    def _start(self, folder: Path) -> None:
        files.check_writable(folder / "trace")
        jax.profiler.start_trace(str(folder))
        self._under_way = folder
