"""Every layout brings the norms of its publisher: epsilon, momentum, and which variance is stored.

The numbers are what the publishers' own code answers: `eps` and `momentum` of the modules of torchvision
0.29, timm 1.0.31, transformers 5.23 and open_clip 3.3 (whose momentum is one minus ours), `epsilon` and
`momentum` of the layers of Keras 3.15. TF-slim's stand in `training_scope`, MXNet's in `BatchNorm`.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.models.reference import attention, gelu, layer_norm, linear, random_arrays
from vitlab.models import create, outline
from vitlab.models.layers import BatchNorm
from vitlab.weights.layouts import LAYOUTS, OURS, Layout

# Of batch norm: epsilon, momentum in Keras's meaning, unbiased. Of LayerNorm: epsilon.
PYTORCH, KERAS = (1e-5, 0.9, True), (1e-3, 0.99, False)
NORMS: dict[tuple[str, str], tuple[str, tuple[float, float, bool] | None, float | None]] = {
    ("vit", "timm"): ("vit_ti16", None, 1e-6),
    ("vit", "timm, averaging"): ("vit_ti16", None, 1e-6),
    ("vit", "google"): ("vit_ti16", None, 1e-6),
    ("vit", "google, pre-logits"): ("vit_ti16", None, 1e-6),
    ("vit", "torchvision"): ("vit_ti16", None, 1e-6),
    ("vit", "huggingface"): ("vit_ti16", None, 1e-12),
    ("mobilenet_v2", "torchvision"): ("mobilenet_v2", PYTORCH, None),
    ("mobilenet_v2", "timm"): ("mobilenet_v2", PYTORCH, None),
    ("mobilenet_v2", "huggingface"): ("mobilenet_v2", (1e-3, 1 - 0.997, True), None),
    ("mobilenet_v2", "keras"): ("mobilenet_v2", (1e-3, 0.999, False), None),
    ("mobilenet_v2", "tensorflow-slim, batch norm folded"): ("mobilenet_v2", (1e-3, 0.997, True), None),
    ("mobilenet_v2", "gluon"): ("mobilenet_v2", (1e-5, 0.9, False), None),
    ("resnet", "torchvision and timm, basic blocks"): ("resnet18", PYTORCH, None),
    ("resnet", "torchvision and timm, bottlenecks"): ("resnet50", PYTORCH, None),
    ("resnet", "keras"): ("resnet50", (1.001e-5, 0.99, False), None),
    ("resnet_v2", "keras"): ("resnet50_v2", (1.001e-5, 0.99, False), None),
    ("clip_vit", "open_clip"): ("clip_vit_b32", None, 1e-5),
    ("clip_vit", "openai"): ("clip_vit_b32", None, 1e-5),
    ("clip_vit", "huggingface"): ("clip_vit_b32", None, 1e-5),
    ("clip_resnet", "open_clip"): ("clip_resnet50", PYTORCH, None),
    ("clip_resnet", "openai"): ("clip_resnet50", PYTORCH, None),
    **{
        ("vgg", f"{publisher}, VGG{name}"): (f"vgg{name}", PYTORCH if "bn" in name else None, None)
        for publisher in ("torchvision", "timm")
        for name in ("16", "19", "16_bn", "19_bn")
    },
    ("vgg", "keras"): ("vgg16", None, None),
    ("inception_v3", "torchvision and timm"): ("inception_v3", (1e-3, 0.9, True), None),
    ("inception_v3", "keras"): ("inception_v3", KERAS, None),
    ("inception_resnet_v2", "timm"): ("inception_resnet_v2", (1e-3, 0.9, True), None),
    ("inception_resnet_v2", "keras"): ("inception_resnet_v2", KERAS, None),
    ("xception", "timm"): ("xception", PYTORCH, None),
    ("xception", "keras"): ("xception", KERAS, None),
    ("efficientnet", "torchvision"): ("efficientnet_b0", PYTORCH, None),
    ("efficientnet", "timm"): ("efficientnet_b0", PYTORCH, None),
    ("efficientnet", "keras"): ("efficientnet_b0", KERAS, None),
    ("cvt", "microsoft"): ("cvt13", PYTORCH, 1e-5),
    ("cvt", "huggingface"): ("cvt13", PYTORCH, 1e-5),
    ("cvt", "huggingface, base model"): ("cvt13", PYTORCH, 1e-5),
    ("mobilevit", "timm"): ("mobilevit_xxs", PYTORCH, 1e-5),
    ("mobilevit", "huggingface"): ("mobilevit_xxs", PYTORCH, 1e-5),
}


def layout_of(family: str, publisher: str) -> Layout:
    (layout,) = (layout for layout in LAYOUTS[family] if layout.publisher == publisher)
    return layout


def test_every_layout_of_a_classifier_is_in_the_table():
    assert NORMS.keys() == {
        (family, layout.publisher)
        for family, layouts in LAYOUTS.items()
        for layout in layouts
        if layout.publisher != OURS and family != "clip_text"
    }


@pytest.mark.parametrize(("family", "publisher"), NORMS, ids=lambda part: part.replace(" ", "_"))
def test_norms_are_the_publishers(family: str, publisher: str):
    name, batch_norm, layer_norm_epsilon = NORMS[family, publisher]
    options = layout_of(family, publisher).options
    network = nnx.eval_shape(lambda: create(name, num_classes=2, **options))
    modules = [module for _, module in nnx.iter_modules(network)]
    batch_norms = {dataclasses.astuple(one.settings) for one in modules if isinstance(one, BatchNorm)}
    layer_norms = {one.epsilon for one in modules if isinstance(one, nnx.LayerNorm)}
    assert len(batch_norms) == (batch_norm is not None)
    for found in batch_norms:
        assert found == pytest.approx(batch_norm, rel=1e-9)
    assert layer_norms == ({layer_norm_epsilon} if layer_norm_epsilon else set())


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tf_efficientnet_b0", (1e-3, 0.9, True)), ("cnn_b", KERAS)],
)
def test_a_preset_without_a_layout_of_its_own_brings_its_norms_itself(name: str, expected: tuple):
    network = nnx.eval_shape(lambda: create(name, num_classes=2))
    modules = [module for _, module in nnx.iter_modules(network)]
    found = {dataclasses.astuple(one.settings) for one in modules if isinstance(one, BatchNorm)}
    assert found == {expected}


TINY: dict[str, Any] = dict(patch=4, width=8, depth=1, heads=2, mlp_width=12, input_size=8)


def numpy_vit(image, p, *, epsilon: float):
    """One block, of one image, in float64."""
    p = {path: np.asarray(array, np.float64) for path, array in p.items()}
    grid = (image / 127.5 - 1).reshape(2, 4, 2, 4, 3).transpose(0, 2, 1, 3, 4)
    x = linear(grid.reshape(4, -1), p, "backbone/patches/projection")
    x = np.concatenate([p["backbone/class_token"][0], x]) + p["backbone/positions"][0]
    block = "backbone/blocks/0"
    y = layer_norm(x, p, f"{block}/attention_norm", epsilon=epsilon)
    parts = (linear(y, p, f"{block}/attention/{name}") for name in ("query", "key", "value"))
    mixed = attention(*parts, heads=2, scale=0.5)
    x = x + linear(mixed, p, f"{block}/attention/out")
    y = layer_norm(x, p, f"{block}/mlp_norm", epsilon=epsilon)
    x = x + linear(gelu(linear(y, p, f"{block}/mlp/widen")), p, f"{block}/mlp/narrow")
    return layer_norm(x[0], p, "backbone/norm", epsilon=epsilon)


def test_layer_norm_of_tokens_that_vary_little_tells_hugging_faces_epsilon():
    """Tokens of 1e-3: 1e-12 is lost in their variance, and 1e-6, all others' epsilon, doubles it."""
    options = layout_of("vit", "huggingface").options
    network, shapes, _ = outline(lambda: create("vit", num_classes=2, **TINY, **options))
    arrays = random_arrays(shapes, seed=5)
    for path in ("patches/projection/kernel", "patches/projection/bias", "class_token", "positions"):
        arrays[f"backbone/{path}"] *= 1e-3
    for path in arrays:
        if "/out/" in path or "/narrow/" in path:  # so the tokens stay so small to the end
            arrays[path] *= 1e-3
    images = np.random.default_rng(6).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    with jax.default_matmul_precision("float32"):
        found = jax.jit(network.embed)(arrays, {}, jnp.asarray(images))
    right = np.stack([numpy_vit(image, arrays, epsilon=1e-12) for image in images])
    wrong = np.stack([numpy_vit(image, arrays, epsilon=1e-6) for image in images])
    np.testing.assert_allclose(found, right, atol=1e-4)
    assert np.abs(right - wrong).max() > 0.1
