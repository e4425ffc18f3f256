"""A model is split into plain dictionaries, saved, and comes back the same."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from vitlab.config import Model
from vitlab.errors import InputError
from vitlab.models import draw_blueprint, first_model, load_card, load_model, save_model
from vitlab.models.layers import BatchNorm
from vitlab.models.saved import card_of, save_converted
from vitlab.weights import write_safetensors

GOLDENS = Path(__file__).parent.parent / "parity" / "goldens"

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


def test_a_saved_model_trains_on_with_its_publishers_batch_norm(tmp_path: Path):
    """The preset's own is Keras's: 1e-3, 0.999, biased."""
    with np.load(GOLDENS / "mobilenet_v2-torchvision.npz", allow_pickle=False) as golden:
        shapes = json.loads(str(golden["shapes"]))
    tensors: dict[str, Any] = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    np.savez(tmp_path / "w.npz", **tensors)
    settings = Model(name="mobilenet_v2", weights=str(tmp_path / "w.npz"), input_size=32)
    save_model(tmp_path / "m", first_model(draw_blueprint(settings), ("cat", "dog"), "squash", seed=0))
    found = load_model(tmp_path / "m")
    modules = nnx.iter_modules(found.network.module(found.parameters, found.statistics))
    norms = [module for _, module in modules if isinstance(module, BatchNorm)]
    assert {dataclasses.astuple(norm.settings) for norm in norms} == {(1e-5, 0.9, True)}


def test_a_model_folder_that_was_changed_is_refused(model, tmp_path: Path):
    save_model(tmp_path / "m", model)
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, "class_names": ["a", "b", "c"]}))
    with pytest.raises(InputError, match="does not hold the arrays of mobilenet_v2"):
        load_model(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text("{}")
    with pytest.raises(InputError, match=r"model\.json is no model card"):
        load_model(tmp_path / "m")


def nested(levels: int) -> dict:
    origin: dict = {}
    for _ in range(levels - 1):
        origin = {"made_from": origin}
    return origin


def test_a_card_whose_origins_go_on_and_on_is_refused(model, tmp_path: Path):
    card = dataclasses.replace(model.card, origin=nested(50))
    save_model(tmp_path / "m", dataclasses.replace(model, card=card))
    assert load_card(tmp_path / "m") == card
    save_converted(tmp_path / "w.safetensors", card, {})
    assert card_of(tmp_path / "w.safetensors") == card
    for origin in (nested(51), nested(700), {"made_from": [nested(50)]}):
        values = json.loads((tmp_path / "m" / "model.json").read_text()) | {"origin": origin}
        (tmp_path / "m" / "model.json").write_text(json.dumps(values))
        header = {key: json.dumps(value) for key, value in values.items()}
        write_safetensors(tmp_path / "w.safetensors", {}, header)
        for read, at in ((load_card, "m"), (card_of, "w.safetensors")):
            with pytest.raises(InputError, match="its origin is nested more than 50 deep; convert the"):
                read(tmp_path / at)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vit", {"depth": 0}, r"model\.options\.depth is 0; it must be above 0"),
        ("vit", {"width": "big"}, r"model\.options\.width is 'big'; it must be of type int"),
        ("vit", {"width": -32}, r"model\.options\.width is -32; it must be above 0"),
        ("vit", {"pooling": "mean"}, r"unknown value 'mean' \(model\.options\.pooling\)"),
        ("mobilenet_v2", {"activation": "foo"}, r"unknown value 'foo' \(model\.options\.activation\)"),
        ("mobilenet_v2", {"input_size": 64}, r"model\.options\.input_size: set model\.input_size"),
        ("mobilenet_v2", {"dtype": "bfloat16"}, r"model\.options\.dtype: set model\.dtype"),
        ("mobilenet_v2", {"witdh": 0.5}, r"unknown option of mobilenet_v2 'witdh'.*did you mean width"),
    ],
)
def test_options_that_cannot_be_are_refused(name: str, options: dict, message: str):
    complete = dict(patch=2, width=32, depth=2, heads=2, mlp_width=64) if name == "vit" else {}
    with pytest.raises(InputError, match=message):
        draw_blueprint(Model(name=name, input_size=32, options={**complete, **options}))


# ------------------------------------------------- a run that begins with the model of an earlier one


def begin_with(folder: Path, settings: Model, class_names: tuple[str, ...] = ("cat", "dog")):
    settings = dataclasses.replace(settings, weights=str(folder))
    return first_model(draw_blueprint(settings), class_names, "squash", seed=9)


def test_an_earlier_model_computes_what_it_computed_whatever_its_options(tmp_path: Path):
    unusual = {"width": 0.35, "epsilon": 1e-5, "padding": "symmetric", "expand_always": True}
    settings = Model(name="mobilenet_v2", input_size=32, options=unusual)
    earlier = first_model(draw_blueprint(settings), ("cat", "dog"), "squash", seed=3)
    save_model(tmp_path / "m", earlier)
    found = begin_with(tmp_path / "m", Model(name="mobilenet_v2", input_size=32))
    assert found.card.options == earlier.card.options
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)), jnp.uint8)
    expected = earlier.network.embed(earlier.parameters, earlier.statistics, images)
    answer = found.network.embed(found.parameters, found.statistics, images)
    np.testing.assert_array_equal(answer, expected)


def test_an_earlier_head_is_kept_for_the_same_classes_only(model, tmp_path: Path, capsys):
    head = {"head/kernel": jnp.ones_like(model.parameters["head/kernel"])}
    taught = dataclasses.replace(model, parameters=model.parameters | head)
    save_model(tmp_path / "m", taught)
    same = begin_with(tmp_path / "m", SETTINGS)
    assert (same.parameters["head/kernel"] == 1).all()
    other = begin_with(tmp_path / "m", SETTINGS, ("dog", "fox"))
    assert (other.parameters["head/kernel"] == 0).all()
    assert "its head for 2 other classes is replaced by a new one for 2" in capsys.readouterr().out


def test_an_earlier_vit_takes_another_input_size(tmp_path: Path):
    options = dict(patch=8, width=32, depth=2, heads=2, mlp_width=64)
    small = first_model(
        draw_blueprint(Model(name="vit", input_size=32, options=options)), ("a", "b"), "squash", 0
    )
    save_model(tmp_path / "m", small)
    large = begin_with(tmp_path / "m", Model(name="vit", input_size=64), ("a", "b"))
    assert large.parameters["backbone/positions"].shape == (1, 65, 32)
    assert large.card.preprocessing.size == 64


def test_an_earlier_model_without_its_card_is_refused(model, tmp_path: Path):
    save_model(tmp_path / "m", model)
    (tmp_path / "m" / "model.json").unlink()
    with pytest.raises(InputError, match=r"model\.json is no model card"):
        begin_with(tmp_path / "m", SETTINGS)


@pytest.mark.parametrize("name", ["vit_ti16", "mobilenet_v2_050"])
def test_an_earlier_model_of_another_network_is_refused(model, tmp_path: Path, name: str):
    save_model(tmp_path / "m", model)
    with pytest.raises(InputError, match=r"mobilenet_v2"):
        begin_with(tmp_path / "m", Model(name=name, input_size=32))
    message = (
        "are of the network mobilenet_v2, not of mobilenet_v2_050; name mobilenet_v2 as the network"
    )
    with pytest.raises(InputError, match=message):
        begin_with(tmp_path / "m", Model(name="mobilenet_v2_050", input_size=32))
