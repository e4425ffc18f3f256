"""CvT against a plain NumPy one, which notices what is easily got wrong, and against the published
sizes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import special

from tests.models.reference import (
    attention,
    batch_norm,
    convolution,
    gelu,
    layer_norm,
    linear,
    random_arrays,
)
from vitlab.models import create, outline

TINY: dict[str, Any] = {"depths": (1, 2, 2), "widths": (4, 6, 8), "heads": (1, 2, 4)}
SIZE = 36  # grids of 9 x 9, 5 x 5 and 3 x 3
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def quick_gelu(x):
    return x * special.expit(1.702 * x)


def numpy_cvt(
    image,
    p,
    *,
    activation=gelu,
    norm_epsilon=1e-5,
    batch_epsilon=1e-5,
    scaled_by="width",
    first_padding=2,
    key_stride=2,
    key_padding=1,
    class_token_is_normalised=False,
):
    """One image, from section 3 of the paper; the defaults are right, other values are mistakes."""
    p = {path: np.asarray(array, np.float64) for path, array in p.items()}
    maps = (image / 255 - MEAN) / DEVIATION
    tokens = np.zeros((0, 0))
    for stage, (depth, heads) in enumerate(zip(TINY["depths"], TINY["heads"], strict=True)):
        name = f"backbone/stages/{stage}"
        stride, padding = (2, 1) if stage else (4, first_padding)
        maps = convolution(maps, p[f"{name}/projection/kernel"], stride=stride, padding=padding)
        maps = layer_norm(maps + p[f"{name}/projection/bias"], p, f"{name}/norm", epsilon=norm_epsilon)
        rows, columns, width = maps.shape
        tokens = maps.reshape(-1, width)
        if stage == 2:
            tokens = np.concatenate([p["backbone/class_token"][0], tokens])
        for block in (f"{name}/blocks/{index}" for index in range(depth)):
            x = layer_norm(tokens, p, f"{block}/attention_norm", epsilon=norm_epsilon)
            outside, inside = x[: -rows * columns], x[-rows * columns :].reshape(rows, columns, width)

            def project(part, stride, padding, block=block, outside=outside, inside=inside):
                layer = f"{block}/attention/{part}_filter"
                filtered = convolution(inside, p[f"{layer}/kernel"], stride=stride, padding=padding)
                filtered = batch_norm(filtered, p, f"{layer}/norm", epsilon=batch_epsilon)
                if class_token_is_normalised:
                    outside = batch_norm(outside, p, f"{layer}/norm", epsilon=batch_epsilon)
                both = np.concatenate([outside, filtered.reshape(-1, filtered.shape[-1])])
                return linear(both, p, f"{block}/attention/{part}")

            mixed = attention(
                project("query", 1, 1),
                project("key", key_stride, key_padding),
                project("value", key_stride, key_padding),
                heads=heads,
                scale=(width if scaled_by == "width" else width // heads) ** -0.5,
            )
            tokens = tokens + linear(mixed, p, f"{block}/attention/out")
            x = layer_norm(tokens, p, f"{block}/mlp_norm", epsilon=norm_epsilon)
            hidden = activation(linear(x, p, f"{block}/mlp/widen"))
            tokens = tokens + linear(hidden, p, f"{block}/mlp/narrow")
        maps = tokens[-rows * columns :].reshape(rows, columns, width)
    return linear(layer_norm(tokens[0], p, "backbone/norm", epsilon=norm_epsilon), p, "head")


def small_cvt(**options):
    """A tiny CvT with random arrays. The tokens of its first stage vary little, so that the epsilon
    of LayerNorm counts."""
    network, *shapes = outline(lambda: create("cvt13", num_classes=5, **TINY, **options))
    parameters, statistics = random_arrays(shapes[0], 1), random_arrays(shapes[1], 2)
    parameters["backbone/stages/0/projection/kernel"] *= 0.01
    parameters["backbone/stages/0/projection/bias"] *= 0.01
    return network, parameters, statistics


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.uint8)


def logits(images, **options):
    network, parameters, statistics = small_cvt(**options)
    with jax.default_matmul_precision("float32"):
        found = jax.jit(network.__call__)(parameters, statistics, jnp.asarray(images))
    return np.asarray(found), parameters | statistics


@pytest.mark.parametrize(("name", "function"), [("gelu", gelu), ("quick_gelu", quick_gelu)])
def test_logits_equal_those_of_plain_numpy(images, name: str, function):
    found, arrays = logits(images, activation=name)
    expected = [numpy_cvt(image, arrays, activation=function) for image in images]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    "mistake",
    [
        {"scaled_by": "head"},
        {"key_stride": 1},
        {"key_padding": 0},
        {"first_padding": 3},
        {"class_token_is_normalised": True},
        {"norm_epsilon": 1e-12},  # what Hugging Face's config says, and its code does not use
        {"batch_epsilon": 1e-3},
        {"activation": quick_gelu},
    ],
    ids=lambda mistake: next(iter(mistake)),
)
def test_plain_numpy_notices_what_is_easily_got_wrong(images, mistake: dict):
    arrays = small_cvt()[1] | small_cvt()[2]
    right, wrong = numpy_cvt(images[0], arrays), numpy_cvt(images[0], arrays, **mistake)
    assert np.abs(right - wrong).max() > 1e-3


# As Hugging Face's code counts them with 1000 classes; the authors' README says 20M, 32M and 277M.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cvt13", 19_997_480),
        ("cvt21", 31_622_696),
        pytest.param("cvt_w24", 277_196_392, marks=pytest.mark.slow),
    ],
)
def test_parameters_count_as_published(name: str, parameters: int):
    _, shapes, _ = outline(lambda: create(name, num_classes=1000))
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == parameters


@pytest.mark.parametrize(("size", "tokens"), [(224, 197), (384, 577), (161, 101), (16, 2)])
def test_features_are_the_last_stages_tokens_behind_a_class_token(size: int, tokens: int):
    def run(images):
        backbone = create("cvt13", num_classes=3, depths=(1, 1, 2)).backbone
        features = backbone.features(images)
        return features, backbone.pool(features)

    images = jax.ShapeDtypeStruct((2, size, size, 3), jnp.uint8)
    features, embedding = jax.eval_shape(run, images)
    assert features.shape == (2, tokens, 384)
    assert embedding.shape == (2, 384)


def test_images_that_are_not_square_are_refused():
    def run(images):
        return create("cvt13", num_classes=3, **TINY)(images)

    with pytest.raises(ValueError, match="CvT needs square images, not 32 x 48 pixels"):
        jax.eval_shape(run, jax.ShapeDtypeStruct((1, 32, 48, 3), jnp.uint8))


def test_training_moves_the_statistics_of_every_filter(images):
    network, parameters, statistics = small_cvt()
    train = jax.jit(network.train, static_argnames="moves")
    _, moved = train(parameters, statistics, jnp.asarray(images), moves=True)
    assert len(statistics) == 2 * 3 * sum(TINY["depths"])
    assert all((moved[path] != statistics[path]).any() for path in statistics)


def test_half_precision_changes_neither_parameters_nor_logits_dtype():
    def run(images):
        model = create("cvt13", num_classes=5, dtype="bfloat16", **TINY)
        return model.backbone.features(images), model(images), nnx.state(model, nnx.Param)

    images = jax.ShapeDtypeStruct((2, SIZE, SIZE, 3), jnp.uint8)
    features, answer, parameters = jax.eval_shape(run, images)
    assert {leaf.dtype for leaf in jax.tree.leaves(parameters)} == {jnp.dtype("float32")}
    assert (features.dtype, answer.dtype) == (jnp.bfloat16, jnp.float32)
