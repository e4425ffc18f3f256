"""Google's files with a layer before their head bring it along; Hugging Face's pooler is asked for."""

from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.weights.timm_files import SIZES, vit_tensors
from tests.weights.vit_files import VIT_WRITERS
from vitlab.config import Model
from vitlab.models import SavedModel, convert, draw_blueprint, first_model

WIDTH = SIZES["width"]
RNG = np.random.default_rng(1)
TENSORS = {name: 5 * array for name, array in vit_tensors(**SIZES, classes=3, input_size=24).items()}
PRE_LOGITS = {
    "pre_logits.weight": RNG.standard_normal((WIDTH, WIDTH), np.float32),
    "pre_logits.bias": RNG.standard_normal(WIDTH, np.float32),
}
IMAGES = RNG.integers(0, 256, (4, 24, 24, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))


def write(publisher: str, path: Path, tensors: dict[str, np.ndarray]) -> Path:
    save_file(VIT_WRITERS[publisher](tensors), path)
    return path


def settings(file: Path, **options: bool) -> Model:
    return Model("vit", str(file), input_size=24, options={**SIZES, **options})


def load(file: Path, classes: int = 3, **options: bool) -> SavedModel:
    blueprint = draw_blueprint(settings(file, **options))
    return first_model(blueprint, tuple(map(str, range(classes))), "crop", seed=0)


def run(answer, model: SavedModel) -> np.ndarray:
    with jax.default_matmul_precision("float32"):
        return np.asarray(jax.jit(answer)(model.parameters, model.statistics, IMAGES))


@pytest.mark.parametrize(
    ("publisher", "options"), [("google", {}), ("huggingface", {"pre_logits": True})]
)
def test_the_head_reads_the_layer_before_it(publisher: str, options: dict[str, bool], tmp_path: Path):
    bare = load(write(publisher, tmp_path / "bare.safetensors", TENSORS))
    model = load(write(publisher, tmp_path / "whole.safetensors", TENSORS | PRE_LOGITS), **options)
    assert model.card.options["pre_logits"] is True
    assert "pre_logits" not in bare.card.options
    tokens = run(bare.network.embed, bare)
    embedding = np.tanh(tokens @ PRE_LOGITS["pre_logits.weight"].T + PRE_LOGITS["pre_logits.bias"])
    logits = embedding @ TENSORS["head.weight"].T + TENSORS["head.bias"]
    np.testing.assert_allclose(run(model.network.__call__, model), logits, atol=1e-5)
    assert np.abs(run(bare.network.__call__, bare) - logits).max() > 0.1


def test_a_network_without_that_layer_gets_a_new_head_and_that_is_said(tmp_path: Path, capsys):
    bare = load(write("google", tmp_path / "bare.safetensors", TENSORS))
    file = write("google", tmp_path / "whole.safetensors", TENSORS | PRE_LOGITS)
    capsys.readouterr()
    model = load(file, pre_logits=False)
    said = capsys.readouterr()
    assert "its head for 3 classes is replaced by a new one for 3" in said.out
    assert said.err == (
        f"weights {file}: its head reads backbone/pre_logits/kernel, which the options leave out; "
        "the head is left out too\n"
    )
    assert (np.asarray(model.parameters["head/kernel"]) == 0).all()
    np.testing.assert_array_equal(run(model.network.embed, model), run(bare.network.embed, bare))


def test_a_conversion_for_a_network_without_that_layer_has_no_head(tmp_path: Path, capsys):
    file = write("google", tmp_path / "whole.safetensors", TENSORS | PRE_LOGITS)
    convert(settings(file), tmp_path / "with.safetensors")
    assert capsys.readouterr().err == ""
    assert load(tmp_path / "with.safetensors").card.options["pre_logits"] is True
    assert "its head for 3 classes is kept" in capsys.readouterr().out
    convert(settings(file, pre_logits=False), tmp_path / "without.safetensors")
    assert "the head is left out too" in capsys.readouterr().err
    load(tmp_path / "without.safetensors")
    assert "it has no head, so a new one for 3 classes is added" in capsys.readouterr().out


def test_a_pooler_comes_only_if_it_is_asked_for(tmp_path: Path, capsys):
    """transformers puts an untrained one into files of models that never had any."""
    tensors = {name: array for name, array in TENSORS.items() if not name.startswith("head")}
    file = write("huggingface", tmp_path / "w.safetensors", tensors | PRE_LOGITS)
    assert "backbone/pre_logits/kernel" not in load(file).parameters
    assert "it has no head, so a new one for 3 classes is added" in capsys.readouterr().out
    asked = load(file, pre_logits=True)
    np.testing.assert_array_equal(
        asked.parameters["backbone/pre_logits/kernel"], PRE_LOGITS["pre_logits.weight"].T
    )
