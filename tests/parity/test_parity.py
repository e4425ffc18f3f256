"""Our networks compute what their publishers' code computes, from weights in their layouts.

The golden logits are made by `make_goldens.py`, which needs the publishers' frameworks and checks
`features` and the training mode as well; this test needs none of them. Of several sizes, the native one
runs in the plain formulation of every layer, as on GPU and TPU, and the others in the backend's own. The
cases that the ordinary run leaves out (see `cases`) are tested by `pytest -m extra`.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.parity.case import Case
from tests.parity.cases import CASES, EXTRA, ORDINARY
from tests.parity.ours import fill
from tests.parity.recipe import draw_images

# It also forgets what was compiled: no network comes twice, and together their programs take gigabytes.
pytestmark = pytest.mark.usefixtures("compiled_as_users_have_it")

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(case, id=case.name, marks=pytest.mark.slow) for case in ORDINARY),
        *(pytest.param(case, id=case.name, marks=pytest.mark.extra) for case in EXTRA),
    ],
)
def test_logits_equal_the_publishers(case: Case, monkeypatch):
    with np.load(GOLDENS / f"{case.name}.npz", allow_pickle=False) as golden:
        shapes = {name: tuple(shape) for name, shape in json.loads(str(golden["shapes"])).items()}
        seed = int(golden["seed"])
        expected = {key: golden[key] for key in golden.files if key.isdigit()}
    assert {int(size) for size in expected} == set(case.sizes)
    tensors = case.draw(shapes, seed)
    for size, logits in expected.items():
        plain = len(expected) > 1 and int(size) == case.sizes[0]
        monkeypatch.setenv("VITLAB_LAYERS", "reference" if plain else "")
        found = fill(case, tensors, int(size), seed).infer(draw_images(int(size), seed)).logits
        np.testing.assert_allclose(found, logits, atol=1e-4 * np.abs(logits).max(), rtol=0)


def test_every_case_has_a_name_and_every_golden_file_a_case():
    names = {case.name for case in CASES}
    assert len(names) == len(CASES)
    assert {path.stem for path in GOLDENS.glob("*.npz")} == names
