"""Holds our networks against the publishers' own code, and makes the golden logits with it.

    pip install -e .[test,parity]
    python -m tests.parity.make_goldens [--seed=0] [--only=resnet50] [--write]

For each case: random weights by the recipe, through the publisher's network and through ours. Logits
and features must agree to 1e-4 of their largest value at each size. So must the logits of batch norm's
training mode, and the gradients, of the cases that ask for them; and how far one training step moved the
stored means and variances, to 1e-3 of each one's farthest move. It works for any seed; a case that does
not agree is named, and the exit code is 1. So is a case whose weights hardly tell one image from
another, for then agreement says nothing.

Every case of `cases` is compared, also those that the ordinary test run leaves out. With `--write`, the
logits of a case in which all agrees replace those in `goldens/`; those of one that fails stay.
"""

import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
if __name__ == "__main__":  # as a script it sees only its own folder
    sys.path.insert(0, str(Path(__file__).parents[2]))

import jax
import numpy as np
from absl import app, flags

from tests.parity import published_files, pytorch_networks
from tests.parity.case import Case
from tests.parity.cases import CASES
from tests.parity.ours import fill, translate
from tests.parity.publishers import open_network
from tests.parity.recipe import Tensors, draw_images
from vitlab.names import unknown

GOLDENS = Path(__file__).parent / "goldens"
TOLERANCE = 1e-4
MOVED_TOLERANCE = 1e-3  # the stored value, in float32, can be a thousand times what it moved by
LEAST_SEEN = 10 * TOLERANCE  # of the logits' largest value: what the choice of the image must change

_SEED = flags.DEFINE_integer("seed", 0, "Of the random weights and images.", lower_bound=0)
_ONLY = flags.DEFINE_string("only", "", "Only the cases whose name contains this.")
_WRITE = flags.DEFINE_bool("write", False, "Keep the logits of the cases that agree.")


@dataclass(frozen=True)
class Comparison:
    """Of one case: the largest difference of each kind and the smallest between two images, relative;
    and what its golden file holds."""

    differences: dict[str, float]
    seen: float
    golden: dict[str, np.ndarray]

    @property
    def failure(self) -> str | None:
        for what, difference in self.differences.items():
            tolerance = MOVED_TOLERANCE if what.startswith("moved") else TOLERANCE
            if not difference <= tolerance:
                return f"{what} differ by {difference:.1e}, more than {tolerance}"
        if self.seen < LEAST_SEEN:
            return f"the image changes only {self.seen:.1e} of the logits"
        return None


def main(_: list[str]) -> int:
    chosen = [case for case in CASES if _ONLY.value in case.name]
    if not chosen:
        names = [case.name for case in CASES]
        where = unknown("case", _ONLY.value, names, "--only", "tests/parity/cases.py")
        print(f"make_goldens: {where}", file=sys.stderr)
        return 2
    return compare_all(chosen, _SEED.value, writes=_WRITE.value)


def compare_all(cases: Sequence[Case], seed: int, *, writes: bool) -> int:
    """The exit code: 1 if any case fails."""
    failures = {}
    for case in cases:
        comparison = compare(case, seed)
        gaps = (f"{what} {gap:.1e}" for what, gap in comparison.differences.items())
        print(f"{case.name:32}", *gaps, flush=True)
        if comparison.failure:
            failures[case.name] = comparison.failure
        elif writes:
            write(case, comparison.golden)
    for name, failure in failures.items():
        print(f"{name}: {failure}", file=sys.stderr)
    return 1 if failures else 0


def compare(case: Case, seed: int) -> Comparison:
    differences: dict[str, float] = {}
    seen = math.inf
    # Weights for the native size serve the other.
    shapes = open_network(case, case.sizes[0], seed).shapes
    golden = {"shapes": np.array(json.dumps(shapes)), "seed": np.array(seed)}
    tensors = case.draw(shapes, seed)
    if case.publisher == "openai":  # a TorchScript archive of them, which both sides read
        tensors = published_files.through_openai_archive(tensors)
    for size in case.sizes:
        theirs = open_network(case, size, seed)
        images = draw_images(size, seed)
        expected = theirs.run(tensors, images, training=False)
        network = fill(case, tensors, size, seed)
        found = network.infer(images)
        golden[str(size)] = expected.logits
        seen = min(seen, gap(expected.logits[0], expected.logits[1]))
        differences[f"logits {size}"] = gap(found.logits, expected.logits)
        differences[f"features {size}"] = gap(found.features, expected.features)
        if case.training:
            expected = theirs.run(tensors, images, training=True)
            logits, moved = network.train(images)
            differences[f"training {size}"] = gap(logits, expected.logits)
            aims = translate(case, {**tensors, **expected.moved}, size)
            differences[f"moved {size}"] = max(
                gap(moved[path] - before, aims[path] - before)
                for path, before in translate(case, tensors, size).items()
                if path in moved
            )
    if case.gradients:
        differences |= compare_gradients(case, tensors, seed)
    return Comparison(differences, seen, golden)


def write(case: Case, golden: dict[str, np.ndarray]) -> None:
    with open(GOLDENS / f"{case.name}.npz", "wb") as file:
        np.savez_compressed(file, **golden)  # type: ignore[arg-type]


def compare_gradients(case: Case, tensors: Tensors, seed: int) -> dict[str, float]:
    """Of the mean cross-entropy at the native size, in inference mode, by images and parameters.

    All is computed in float64: in float32, rounding moves some activations over the kink of a ReLU.
    A parameter's difference is a share of its own largest value, or of a thousandth of the largest
    of all: that of an attention's key bias is nothing but rounding, for the softmax cancels it.
    """
    size = case.sizes[0]
    images, labels = draw_images(size, seed), np.array([1, 2])
    theirs = pytorch_networks.open_network(case, size, seed, double=True)
    expected = theirs.gradients(tensors, images, labels)
    with jax.enable_x64(True):
        network = fill(case, tensors, size, seed, dtype="float64")
        by_images, by_parameters = network.gradients(images, labels)
    translated = translate(case, expected.tensors, size)
    floor = 1e-3 * max(np.abs(translated[path]).max() for path in by_parameters)
    gaps = {
        path: np.abs(found - translated[path]).max() / max(np.abs(translated[path]).max(), floor)
        for path, found in by_parameters.items()
    }
    return {
        "gradients by images": gap(by_images, expected.images),
        "by parameters": float(max(gaps.values())),
    }


def gap(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference as a share of the largest value."""
    assert found.shape == expected.shape, f"{found.shape} and {expected.shape}"
    return float(np.abs(found - expected).max() / np.abs(expected).max())


if __name__ == "__main__":
    app.run(main)
