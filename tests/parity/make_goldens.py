"""Makes the golden logits with the publishers' own code, and checks ours against all of it.

    pip install -e .[test,parity]
    python -m tests.parity.make_goldens [--seed=0] [--only=resnet50]

For each case: random weights by the recipe, through the publisher's network and through ours. Logits
and features must agree to 1e-4 of their largest value at each size, and so must the logits of batch
norm's training mode, and the gradients, of the cases that ask for them. It works for any seed; a case
that does not agree is named, and the exit code is 1. So is a case whose weights hardly tell one image
from another, for then agreement says nothing. The logits are written to `goldens/`.
"""

import json
import math
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import numpy as np
from absl import app, flags

from tests.parity import pytorch_networks
from tests.parity.cases import CASES, Case
from tests.parity.ours import fill, translate
from tests.parity.publishers import open_network
from tests.parity.recipe import Tensors, draw_images, draw_tensors

GOLDENS = Path(__file__).parent / "goldens"
TOLERANCE = 1e-4
LEAST_SEEN = 10 * TOLERANCE  # of the logits' largest value: what the choice of the image must change

_SEED = flags.DEFINE_integer("seed", 0, "Of the random weights and images.", lower_bound=0)
_ONLY = flags.DEFINE_string("only", "", "Only the cases whose name contains this.")


def main(_: list[str]) -> None:
    failed, blind = [], []
    for case in CASES:
        if _ONLY.value in case.name:
            differences, seen = make(case, _SEED.value)
            print(
                f"{case.name:32}",
                *(f"{what} {gap:.1e}" for what, gap in differences.items()),
                flush=True,
            )
            failed += [case.name for gap in differences.values() if not gap <= TOLERANCE]
            blind += [case.name] if seen < LEAST_SEEN else []
    if failed:
        raise SystemExit(f"not equal to {TOLERANCE}: {', '.join(dict.fromkeys(failed))}")
    if blind:
        raise SystemExit(f"the image changes less than {LEAST_SEEN} of the logits: {', '.join(blind)}")


def make(case: Case, seed: int) -> tuple[dict[str, float], float]:
    """Writes the golden file of a case.

    Returns the largest difference of each comparison, and the smallest between two images, relative.
    """
    differences: dict[str, float] = {}
    seen = math.inf
    # Weights for the native size serve the other.
    shapes = open_network(case, case.sizes[0], seed).shapes
    golden = {"shapes": np.array(json.dumps(shapes)), "seed": np.array(seed)}
    tensors = draw_tensors(shapes, seed, case.order, case.gain)
    for size in case.sizes:
        theirs = open_network(case, size, seed)
        images = draw_images(size, seed)
        expected = theirs.run(tensors, images, training=False)
        network = fill(case, tensors, size, seed)
        golden[str(size)] = expected.logits
        seen = min(seen, gap(expected.logits[0], expected.logits[1]))
        differences[f"logits {size}"] = gap(network.logits(images), expected.logits)
        differences[f"features {size}"] = gap(network.features(images), expected.features)
        if case.training:
            expected = theirs.run(tensors, images, training=True)
            differences[f"training {size}"] = gap(network.training_logits(images), expected.logits)
    if case.gradients:
        differences |= compare_gradients(case, tensors, seed)
    with open(GOLDENS / f"{case.name}.npz", "wb") as file:
        np.savez_compressed(file, **golden)  # type: ignore[arg-type]
    return differences, seen


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
