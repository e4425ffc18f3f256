"""Our networks compute what their publishers' code computes, from weights in their layouts.

The golden logits are made by `make_goldens.py`, which needs the publishers' frameworks and checks
`features` and the training mode as well; this test needs none of them.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.parity.cases import CASES, Case
from tests.parity.ours import fill
from tests.parity.recipe import draw_images, draw_tensors

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_logits_equal_the_publishers(case: Case):
    with np.load(GOLDENS / f"{case.name}.npz", allow_pickle=False) as golden:
        shapes = {name: tuple(shape) for name, shape in json.loads(str(golden["shapes"])).items()}
        seed = int(golden["seed"])
        expected = {key: golden[key] for key in golden.files if key.isdigit()}
    assert len(expected) == len(case.sizes)
    tensors = draw_tensors(shapes, seed, case.order, case.gain)
    for size, logits in expected.items():
        found = fill(case, tensors, int(size), seed).logits(draw_images(int(size), seed))
        np.testing.assert_allclose(found, logits, atol=1e-4 * np.abs(logits).max(), rtol=0)
