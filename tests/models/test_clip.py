"""CLIP's two towers: sizes as published, texts read up to their end, and which GELU whose weights want.

What they compute is held against Hugging Face's and open_clip's code in `tests/parity`.
"""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from vitlab.errors import InputError
from vitlab.models import create, create_text, load_text, outline, similarity
from vitlab.weights.layouts import LAYOUTS


@pytest.mark.parametrize(
    ("name", "parameters"),
    [  # of both towers, as open_clip counts OpenAI's networks (docs/model_profile.csv)
        ("clip_vit_b32", 151_277_313),
        ("clip_vit_l14", 427_616_513),
        ("clip_resnet50", 102_007_137),
    ],
)
def test_both_towers_together_count_as_published(name: str, parameters: int):
    _, image, _ = outline(lambda: create(name, num_classes=1))
    _, text, _ = outline(lambda: create_text(name))
    image = {path: shape for path, shape in image.items() if not path.startswith("head/")}
    assert sum(math.prod(shape) for shape in (*image.values(), *text.values())) == parameters


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "relu"}, r"unknown value 'relu' \(options.activation\)"),
        ({"foo": 1}, r"unknown option of the text tower of clip_vit_b32 'foo' \(options\); known: act"),
        ({"dtype": "int32"}, "options.dtype is int32; it must be float32"),
        ({"depth": 0}, "options.depth is 0; it must be above 0"),
        ({"heads": 5}, "the text tower of clip_vit_b32: width 512 is not a multiple of 5 heads"),
    ],
)
def test_a_text_tower_that_cannot_be_is_refused(options: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        create_text("clip_vit_b32", **options)


SMALL: dict[str, Any] = dict(width=64, depth=2, heads=2, embedding_width=16)


def test_what_stands_behind_the_end_of_a_text_does_not_count():
    tower = create_text("clip_vit_b32", **SMALL)
    texts = np.zeros((2, 12), np.int32)
    texts[:, :4] = [49_406, 320, 1929, 49_407]
    texts[1, 4:] = 999
    first, second = np.asarray(tower(jnp.asarray(texts)))
    np.testing.assert_allclose(first, second, atol=1e-6)
    texts[1, 1] = 321
    first, second = np.asarray(tower(jnp.asarray(texts)))
    assert np.abs(first - second).max() > 1e-3


def test_similarity_is_the_cosine_times_e_to_the_scale():
    images, texts = jnp.array([[3.0, 4.0], [0.0, 2.0]]), jnp.array([[1.0, 0.0]])
    found = similarity(images, texts, jnp.log(100.0))
    np.testing.assert_allclose(found, [[60.0], [0.0]], atol=1e-4)


def test_openai_trained_with_quick_gelu_and_open_clip_mostly_did_not():
    """The two GELUs differ by up to 0.02, which no tensor tells: the layout does."""
    published = {layout.publisher: layout for layout in LAYOUTS["clip_vit"]}
    assert published["openai"].options["activation"] == "quick_gelu"
    assert published["huggingface"].options["activation"] == "quick_gelu"
    assert published["open_clip"].options["activation"] == "gelu"

    def answer(activation: str):
        options = {**SMALL, "input_size": 32, "activation": activation}
        network = create("clip_vit_b32", num_classes=2, **options)
        return network.embed(jnp.full((1, 32, 32, 3), 90, jnp.uint8))

    quick, exact = (jax.jit(answer, static_argnums=0)(name) for name in ("quick_gelu", "gelu"))
    assert 1e-4 < float(jnp.abs(quick - exact).max() / jnp.abs(exact).max()) < 0.2


def test_the_sizes_in_openais_archives_tell_them_from_open_clips_files():
    names = {"visual.proj": np.zeros(1), "logit_scale": np.zeros(())}
    sizes = {name: np.zeros(()) for name in ("input_resolution", "context_length", "vocab_size")}

    def chosen(tensors: dict[str, np.ndarray]) -> str:
        layouts = LAYOUTS["clip_vit"]
        return max(layouts, key=lambda layout: layout.recognised(tensors)).publisher

    assert chosen(names) == "open_clip"
    assert chosen(names | sizes) == "openai"


def test_the_text_tower_is_read_from_the_file_of_both(tmp_path: Path):
    shapes = {
        "token_embedding.weight": (49_408, 8),
        "positional_embedding": (77, 8),
        "ln_final.weight": (8,),
        "ln_final.bias": (8,),
        "text_projection": (8, 4),
        "logit_scale": (),
        "visual.proj": (8, 4),
    }
    shapes |= {
        f"transformer.resblocks.0.{name}": shape
        for name, shape in {
            "ln_1.weight": (8,), "ln_1.bias": (8,), "ln_2.weight": (8,), "ln_2.bias": (8,),
            "attn.in_proj_weight": (24, 8), "attn.in_proj_bias": (24,),
            "attn.out_proj.weight": (8, 8), "attn.out_proj.bias": (8,),
            "mlp.c_fc.weight": (32, 8), "mlp.c_fc.bias": (32,),
            "mlp.c_proj.weight": (8, 32), "mlp.c_proj.bias": (8,),
        }.items()
    }  # fmt: skip
    generator = np.random.default_rng(0)
    tensors = {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(tensors, tmp_path / "clip.safetensors")
    sizes = dict(width=8, depth=1, heads=1, embedding_width=4)
    tower = load_text("clip_vit_b32", str(tmp_path / "clip.safetensors"), **sizes)
    np.testing.assert_array_equal(tower.words[...], tensors["token_embedding.weight"])
    np.testing.assert_array_equal(tower.scale[...], tensors["logit_scale"])
    with pytest.raises(InputError, match="unknown CLIP 'vit_b32'"):
        load_text("vit_b32", str(tmp_path / "clip.safetensors"))
