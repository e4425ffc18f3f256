"""Time and memory of `vitlab.compare` over runs that were made by hand.

    python -m experiments.speed.comparison [--runs=10] [--images=2000] [--classes=10]

The runs have one phase each, and predictions that are drawn: what is measured is the command, in a
process of its own, from its start to its end. The test images are invented, so the page has no pictures.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from absl import flags

from tests.reporting.made_runs import invented_split, make_run
from vitlab import command

_RUNS = flags.DEFINE_integer("runs", 10, "How many.", lower_bound=2)
_IMAGES = flags.DEFINE_integer("images", 2000, "Test images of each.", lower_bound=2)
_CLASSES = flags.DEFINE_integer("classes", 10, "Their classes.", lower_bound=2)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = [f"class {index}" for index in range(_CLASSES.value)]
        split = invented_split(names, _IMAGES.value)
        runs = [
            make_run(folder / f"run{index}", split, {"train": 0.85 + 0.01 * (index % 10)}, chance=index)
            for index in range(_RUNS.value)
        ]
        began = time.perf_counter()
        subprocess.run(
            [
                *(sys.executable, "-m", "vitlab.compare"),
                f"--runs={','.join(map(str, runs))}",
                f"--output={folder / 'out'}",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        size = os.path.getsize(folder / "out" / "report.html")
    print("| runs | test images | classes | seconds | peak memory | report.html |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {_RUNS.value} | {_IMAGES.value} | {_CLASSES.value} | {seconds:.1f} | {peak / 1e6:.0f} MB "
        f"| {size / 1e6:.2f} MB |"
    )


if __name__ == "__main__":
    command.run(main)
