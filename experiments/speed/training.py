"""Training: the frozen phase against PyTorch, many heads at once, and what is not the step itself.

    pip install -e .[parity]
    python -m experiments.speed.training [--rows=frozen,heads,loop,checkpoints,start] [--rounds=3]

Product photographs in $VITLAB_ASSETS (7 classes of 150; 733 of them train) at 224 pixels, and ViT-B/32
with random weights that both sides read from one file, in Hugging Face's layout: the time does not
depend on them. The files frozen_phase, heads_together and around_the_step say what each row measures.
"""

import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from absl import flags

from experiments.speed import around_the_step, frozen_phase, heads_together
from vitlab import command, runtime
from vitlab.errors import InputError

_ROWS = flags.DEFINE_list("rows", ["frozen", "heads", "loop", "checkpoints", "start"], "Which.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Repetitions of what takes seconds.", lower_bound=1)
_THEIR_EPOCHS = flags.DEFINE_integer("their_epochs", 2, "That PyTorch trains.", lower_bound=1)
_ALONE = flags.DEFINE_integer(
    "alone", 4, "Heads that are trained one by one.", lower_bound=1, upper_bound=heads_together.HEADS
)


def main() -> None:
    rows: dict[str, Callable[[Path], Iterator[tuple[str, ...]]]] = {
        "frozen": partial(frozen_phase.measured, their_epochs=_THEIR_EPOCHS.value),
        "heads": partial(heads_together.measured, alone=_ALONE.value, rounds=_ROUNDS.value),
        "loop": partial(around_the_step.loop, rounds=_ROUNDS.value),
        "checkpoints": around_the_step.checkpoints,
        "start": around_the_step.start,
    }
    for name in _ROWS.value:
        if name not in rows:
            raise InputError(f"--rows has {name!r}; rows are {', '.join(rows)}")
    runtime.start()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    print("| work | vitlab | the other | ratio | wanted |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in _ROWS.value:
            for cells in rows[name](Path(folder)):
                print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    command.run(main)
