"""The Vision Transformer against a plain NumPy one, and against the published sizes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from vitlab.errors import InputError
from vitlab.models import create, initialise, outline
from vitlab.weights.layouts import LAYOUTS

TINY: dict[str, Any] = {
    "patch": 4,
    "width": 24,
    "depth": 3,
    "heads": 4,
    "mlp_width": 40,
    "input_size": 12,
}


def random_arrays(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, jax.Array]:
    """Every parameter away from its initial zeros and ones."""
    generator = np.random.default_rng(seed)
    return {
        path: jnp.asarray(generator.normal(path.endswith("scale"), 0.3, shape), jnp.float32)
        for path, shape in shapes.items()
    }


def layer_norm(x, p, name):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * p[f"{name}/scale"] + p[f"{name}/bias"]


def linear(x, p, name):
    return x @ p[f"{name}/kernel"] + p[f"{name}/bias"]


def attention(x, p, name, heads):
    query, key, value = (linear(x, p, f"{name}/{part}") for part in ("query", "key", "value"))
    width = x.shape[-1] // heads
    mixed = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = query[:, part] @ key[:, part].T / np.sqrt(width)
        mixed.append(special.softmax(scores, axis=-1) @ value[:, part])
    return linear(np.concatenate(mixed, axis=-1), p, f"{name}/out")


def numpy_vit(image, p, *, patch, depth, heads, pooling, norm):
    """One image, written from the paper's equations 1 to 4, in float64."""
    p = {path: np.asarray(array, np.float64) for path, array in p.items()}
    scaled = image / 127.5 - 1
    size = len(image)
    patches = [
        scaled[top : top + patch, left : left + patch].reshape(-1)
        for top in range(0, size, patch)
        for left in range(0, size, patch)
    ]
    x = linear(np.stack(patches), p, "backbone/patches/projection")
    if pooling == "class_token":
        x = np.concatenate([p["backbone/class_token"][0], x])
    x = x + p["backbone/positions"][0]
    for index in range(depth):
        block = f"backbone/blocks/{index}"
        x = x + attention(layer_norm(x, p, f"{block}/attention_norm"), p, f"{block}/attention", heads)
        hidden = linear(layer_norm(x, p, f"{block}/mlp_norm"), p, f"{block}/mlp/widen")
        hidden = hidden * (1 + special.erf(hidden / np.sqrt(2))) / 2
        x = x + linear(hidden, p, f"{block}/mlp/narrow")
    x = layer_norm(x, p, "backbone/norm") if norm == "tokens" else x
    x = x[0] if pooling == "class_token" else x.mean(0)
    return linear(layer_norm(x, p, "backbone/norm") if norm == "embedding" else x, p, "head")


@pytest.mark.parametrize(
    ("pooling", "norm"), [("class_token", "tokens"), ("average", "tokens"), ("average", "embedding")]
)
def test_logits_equal_those_of_plain_numpy(pooling: str, norm: str):
    def build():
        return create("vit", num_classes=5, pooling=pooling, norm=norm, **TINY)

    network, shapes, _ = outline(build)
    parameters = random_arrays(shapes, seed=1)
    images = np.random.default_rng(2).integers(0, 256, (3, 12, 12, 3)).astype(np.uint8)
    with jax.default_matmul_precision("float32"):
        found = jax.jit(network.__call__)(parameters, {}, jnp.asarray(images))
    expected = [
        numpy_vit(image, parameters, patch=4, depth=3, heads=4, pooling=pooling, norm=norm)
        for image in images
    ]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_features_are_tokens_and_pool_runs_the_last_block():
    network, shapes, _ = outline(lambda: create("vit", num_classes=5, **TINY))
    parameters = random_arrays(shapes, seed=3)

    @jax.jit
    def by_parts(images):
        model = network.module(parameters, {})
        features = model.backbone.features(images)
        assert features.shape == (2, 10, 24)
        return model.head(model.backbone.pool(features)), model(images)

    logits, whole = by_parts(jnp.zeros((2, 12, 12, 3), jnp.uint8))
    np.testing.assert_allclose(logits, whole, atol=1e-5)


# With 1000 classes, as timm and torchvision state them.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vit_ti16", 5_717_416),
        ("vit_s16", 22_050_664),
        ("vit_b16", 86_567_656),
        ("vit_b32", 88_224_232),
        pytest.param("vit_l16", 304_326_632, marks=pytest.mark.slow),
        pytest.param("vit_h14", 632_045_800, marks=pytest.mark.slow),
    ],
)
def test_parameters_count_as_published(name: str, parameters: int):
    _, shapes, _ = outline(lambda: create(name, num_classes=1000))
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == parameters


def test_half_precision_changes_neither_parameters_nor_logits_dtype():
    def build():
        return create("vit", num_classes=5, dtype="bfloat16", **TINY)

    network, parameters, statistics = initialise(build, {})
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3)), jnp.uint8)
    assert {array.dtype for array in parameters.values()} == {jnp.dtype("float32")}
    assert jax.jit(network.__call__)(parameters, statistics, images).dtype == jnp.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 225}, "input size 225 is not a multiple of the patch, 16"),
        ({"heads": 5}, "width 192 is not a multiple of 5 heads"),
        (
            {"dtype": "foo"},
            "model.options.dtype is foo; it must be float32, bfloat16, float16 or float64",
        ),
        ({"dtype": 5}, "model.options.dtype is 5; it must be float32"),
        ({"dtype": None}, "model.options.dtype is None; it must be float32"),
        ({"dtype": "int32"}, "model.options.dtype is int32; it must be float32"),
        ({"width": 10**400}, "model.options.width: a number must be finite, at most 50,000"),
        ({"depht": 3}, "unknown option of vit_ti16 'depht'.*did you mean depth"),
    ],
)
def test_a_network_that_cannot_be_is_refused(options: dict, message: str):
    with pytest.raises(InputError, match=message):
        create("vit_ti16", num_classes=2, **options)


def test_the_generic_vit_says_which_sizes_it_needs():
    with pytest.raises(InputError, match=r"model vit needs model\.options\.patch, .*mlp_width"):
        create("vit", num_classes=2)


def test_pre_logits_are_a_dense_layer_with_tanh_that_google_publishes_beside_the_rest():
    sizes: dict[str, Any] = dict(patch=4, width=8, depth=1, heads=2, mlp_width=16, input_size=8)

    def embed(parameters, **options):
        network, *_ = outline(lambda: create("vit", num_classes=3, **sizes, **options))
        return np.asarray(jax.jit(network.embed)(parameters, {}, images), np.float64)

    _, shapes, _ = outline(lambda: create("vit", num_classes=3, **sizes, pre_logits=True))
    parameters = random_arrays(shapes, seed=7)
    images = jnp.asarray(np.random.default_rng(8).integers(0, 256, (2, 8, 8, 3)), jnp.uint8)
    without = {path: array for path, array in parameters.items() if "/pre_logits/" not in path}
    with jax.default_matmul_precision("float32"):
        found, before = embed(parameters, pre_logits=True), embed(without)
    np.testing.assert_allclose(
        found, np.tanh(linear(before, parameters, "backbone/pre_logits")), atol=1e-5
    )
    # What Google writes goes there as it is: its dense layers multiply from the left, as ours do.
    published = {f"pre_logits/{name}": np.asarray(parameters[f"backbone/pre_logits/{name}"])
                 for name in ("kernel", "bias")}  # fmt: skip
    google = next(one for one in LAYOUTS["vit"] if one.publisher == "google, pre-logits")
    wanted = {f"backbone/{name}": array.shape for name, array in published.items()}
    filled = google.fill(dict(published), wanted, "vit.npz")
    for name, array in published.items():
        np.testing.assert_array_equal(filled[f"backbone/{name}"], array)
