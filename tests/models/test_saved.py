"""A model is split into plain dictionaries, saved, and comes back the same."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vitlab.config import Model
from vitlab.errors import InputError
from vitlab.models import draw_blueprint, first_model, load_model, save_model

SETTINGS = Model(name="mobilenet_v2", input_size=32, options={"width": 0.35})


@pytest.fixture(scope="module")
def model():
    return first_model(draw_blueprint(SETTINGS), ("cat", "dog"), "squash", seed=3)


def test_paths_are_names_that_a_reader_understands(model):
    assert "backbone/blocks/3/filter/kernel" in model.parameters
    assert "backbone/blocks/3/filter/norm/mean" in model.statistics
    assert {path.split("/")[0] for path in model.parameters} == {"backbone", "head"}


def test_weights_depend_on_the_seed_alone(model):
    again, other = (first_model(draw_blueprint(SETTINGS), ("cat", "dog"), "squash", s) for s in (3, 4))
    for path, array in model.parameters.items():
        np.testing.assert_array_equal(array, again.parameters[path])
    path = "backbone/stem/kernel"
    assert (np.asarray(model.parameters[path]) != np.asarray(other.parameters[path])).any()


def test_a_saved_model_answers_as_before(model, tmp_path: Path):
    save_model(tmp_path / "m", model)
    found = load_model(tmp_path / "m")
    assert found.card == model.card
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)), jnp.uint8)
    answers = (
        jax.jit(one.network.embed)(one.parameters, one.statistics, images) for one in (model, found)
    )
    np.testing.assert_array_equal(*answers)


def test_a_model_folder_that_was_changed_is_refused(model, tmp_path: Path):
    save_model(tmp_path / "m", model)
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, "class_names": ["a", "b", "c"]}))
    with pytest.raises(InputError, match="does not hold the arrays of mobilenet_v2"):
        load_model(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text("{}")
    with pytest.raises(InputError, match=r"model\.json is no model card"):
        load_model(tmp_path / "m")
