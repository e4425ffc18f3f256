"""The head with a hidden layer: what it computes, how it begins, and that it is remembered."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.weights.timm_files import SIZES, write_vit
from vitlab.config import Model
from vitlab.errors import InputError
from vitlab.models import SavedModel, convert, draw_blueprint, first_model, load_model, save_model
from vitlab.models.layers import kept_units
from vitlab.models.summary import layer_table

OPTIONS: dict[str, Any] = {"patch": 4, "width": 16, "depth": 1, "heads": 2, "mlp_width": 16}
DENSE = Model(name="vit", input_size=8, options=OPTIONS, hidden=5, dropout=0.4)
PATHS = {"head/hidden/kernel", "head/hidden/bias", "head/output/kernel", "head/output/bias"}
CLASSES = ("a", "b", "c")


def drawn(settings: Model, class_names: tuple[str, ...] = CLASSES, seed: int = 0) -> SavedModel:
    return first_model(draw_blueprint(settings), class_names, "squash", seed)


def mask(key, rate: float, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(jax.jit(kept_units, static_argnums=2)(key, rate, shape))


def answer(model: SavedModel, embedding, key=None) -> np.ndarray:
    return np.asarray(jax.jit(model.network.classify)(model.parameters, {}, jnp.asarray(embedding), key))


def noisy(model: SavedModel) -> SavedModel:
    """With a head that answers."""
    generator = np.random.default_rng(0)
    head = {path: model.parameters[path] for path in model.parameters if path.startswith("head/")}
    head = {path: jnp.asarray(generator.normal(size=a.shape), jnp.float32) for path, a in head.items()}
    return dataclasses.replace(model, parameters=model.parameters | head)


@pytest.fixture(scope="module")
def dense() -> SavedModel:
    return noisy(drawn(DENSE))


def test_the_head_is_linear_relu_dropout_linear(dense: SavedModel):
    """Row S3-05, with the mask of the dropout written out."""
    key = jax.random.key(3)
    embedding = np.random.default_rng(1).normal(size=(6, 16)).astype(np.float32)
    head = {path: np.asarray(array, np.float64) for path, array in dense.parameters.items()}
    units = np.maximum(embedding @ head["head/hidden/kernel"] + head["head/hidden/bias"], 0)
    kept = mask(jax.random.fold_in(key, 0), 0.4, (6, 5))
    for given, seen in ((None, units), (key, np.where(kept, units / 0.6, 0))):
        expected = seen @ head["head/output/kernel"] + head["head/output/bias"]
        np.testing.assert_allclose(answer(dense, embedding, given), expected, rtol=1e-5, atol=1e-5)
    assert 0 < kept.sum() < kept.size


def test_without_a_hidden_layer_the_embedding_is_dropped_and_the_paths_stay():
    model = noisy(drawn(dataclasses.replace(DENSE, hidden=0, dropout=0.25)))
    assert {path for path in model.parameters if path.startswith("head")} == {"head/kernel", "head/bias"}
    key, embedding = jax.random.key(3), np.ones((6, 16), np.float32)
    kept = mask(jax.random.fold_in(key, 0), 0.25, (6, 16))
    expected = (
        np.where(kept, 1 / 0.75, 0) @ model.parameters["head/kernel"] + model.parameters["head/bias"]
    )
    np.testing.assert_allclose(answer(model, embedding, key), expected, rtol=1e-5, atol=1e-5)


def test_the_mask_of_a_unit_does_not_depend_on_how_many_there_are():
    few, many = (mask(jax.random.key(1), 0.5, (32, units)) for units in (7, 100))
    np.testing.assert_array_equal(few, many[:, :7])


def test_the_hidden_layer_begins_as_he_has_it_and_the_answers_at_zero():
    wide = drawn(dataclasses.replace(DENSE, hidden=4000)).parameters
    assert wide.keys() >= PATHS
    # 64,000 numbers: the relative error of their standard deviation is below 0.3 %.
    assert abs(float(wide["head/hidden/kernel"].std()) / np.sqrt(2 / 16) - 1) < 0.02
    for path in PATHS - {"head/hidden/kernel"}:
        assert not wide[path].any()


def test_the_backbone_begins_alike_under_every_head(dense: SavedModel):
    plain = drawn(dataclasses.replace(DENSE, hidden=0, dropout=0.0)).parameters
    for path, array in plain.items():
        if path.startswith("backbone/"):
            np.testing.assert_array_equal(array, dense.parameters[path])


def test_a_saved_model_remembers_its_head(dense: SavedModel, tmp_path: Path):
    save_model(tmp_path / "m", dense)
    found = load_model(tmp_path / "m")
    assert found.card == dense.card
    key, embedding = jax.random.key(3), jnp.ones((6, 16))
    np.testing.assert_array_equal(answer(found, embedding, key), answer(dense, embedding, key))


def test_a_model_that_was_saved_before_heads_had_layers_is_linear(tmp_path: Path):
    model = drawn(dataclasses.replace(DENSE, hidden=0, dropout=0.0))
    save_model(tmp_path / "m", model)
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    del card["head"]
    (tmp_path / "m" / "model.json").write_text(json.dumps(card))
    assert load_model(tmp_path / "m").card == model.card


@pytest.mark.parametrize(
    ("hidden", "class_names", "is_kept"),
    [(5, CLASSES, True), (5, ("a", "b"), False), (6, CLASSES, False), (0, CLASSES, False)],
)
def test_an_earlier_head_is_kept_for_the_same_classes_and_units(
    dense: SavedModel, tmp_path: Path, capsys, hidden: int, class_names: tuple[str, ...], is_kept: bool
):
    save_model(tmp_path / "m", dense)
    settings = dataclasses.replace(DENSE, hidden=hidden, dropout=0.0, weights=str(tmp_path / "m"))
    model = drawn(settings, class_names)
    kernel = model.parameters["head/output/kernel" if hidden else "head/kernel"]
    assert bool(kernel.any()) == is_kept
    said = capsys.readouterr().out
    assert ("its head for 3 classes is kept" in said) == is_kept
    np.testing.assert_array_equal(
        model.parameters["backbone/class_token"], dense.parameters["backbone/class_token"]
    )


def test_a_published_head_fits_no_hidden_layer(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    write_vit(tmp_path / "w.safetensors")
    settings = Model(
        name="vit", input_size=24, options=SIZES, weights=str(tmp_path / "w.safetensors"), hidden=4
    )
    assert not drawn(settings).parameters["head/output/kernel"].any()
    assert "its head for 3 classes is replaced by a new one for 3" in capsys.readouterr().out


def test_a_converted_model_keeps_its_hidden_layer(dense: SavedModel, tmp_path: Path):
    save_model(tmp_path / "m", dense)
    settings = dataclasses.replace(DENSE, hidden=0, dropout=0.0, weights=str(tmp_path / "m"))
    card = convert(settings, tmp_path / "w.safetensors")
    assert card.head == dense.card.head
    assert card.parameters == dense.card.parameters
    model = drawn(dataclasses.replace(DENSE, weights=str(tmp_path / "w.safetensors")))
    np.testing.assert_array_equal(
        model.parameters["head/output/kernel"], dense.parameters["head/output/kernel"]
    )


def test_the_table_of_layers_shows_both_layers_of_the_head():
    rows = layer_table(lambda: draw_blueprint(DENSE).build(3))
    found = [(row.path, row.kind, row.output, row.parameters) for row in rows[-2:]]
    assert found == [
        ("head/hidden", "Linear", (5,), 16 * 5 + 5),
        ("head/output", "Linear", (3,), 5 * 3 + 3),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": -1}, r"model\.hidden is -1; it must be from 0"),
        ({"hidden": 50_001}, r"model\.hidden is 50001; it must be from 0 to 50,000"),
        ({"dropout": 1.0}, r"model\.dropout is 1; it must be from 0 to below 1"),
        ({"dropout": float("nan")}, r"model\.dropout is nan; it must be"),
    ],
)
def test_a_head_that_cannot_be_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        draw_blueprint(dataclasses.replace(DENSE, **changes))
