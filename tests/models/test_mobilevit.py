"""MobileViT's block against a plain NumPy one, and the published sizes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.models.reference import (
    attention,
    batch_norm,
    bilinear,
    convolution,
    layer_norm,
    linear,
    random_arrays,
    silu,
)
from vitlab.models import create, outline
from vitlab.models.classifier import normalise
from vitlab.models.mobilevit import MobileViT

TINY: dict[str, Any] = {
    "channels": (4, 4, 8, 8, 8),
    "widths": (8, 8, 12),
    "last_channels": 16,
    "expansion": 2,
}


def conv_norm(maps, p, name, *, padding):
    maps = convolution(maps, p[f"{name}/kernel"], padding=padding)
    return silu(batch_norm(maps, p, f"{name}/norm", epsilon=1e-5))


def numpy_block(maps, p, *, depth):
    """Section 3.1 of the paper, one image; each of the four places in a patch by itself."""
    inner = convolution(conv_norm(maps, p, "local", padding=1), p["enter/kernel"])
    rows, columns, width = inner.shape
    whole = bilinear(inner, rows + rows % 2, columns + columns % 2)
    for row in (0, 1):
        for column in (0, 1):
            place = whole[row::2, column::2]
            x = place.reshape(-1, width)
            for block in (f"blocks/{index}" for index in range(depth)):
                y = layer_norm(x, p, f"{block}/attention_norm", epsilon=1e-5)
                projected = (linear(y, p, f"{block}/attention/{n}") for n in ("query", "key", "value"))
                mixed = attention(*projected, heads=4, scale=(width // 4) ** -0.5)
                x = x + linear(mixed, p, f"{block}/attention/out")
                y = layer_norm(x, p, f"{block}/mlp_norm", epsilon=1e-5)
                x = x + linear(silu(linear(y, p, f"{block}/mlp/widen")), p, f"{block}/mlp/narrow")
            whole[row::2, column::2] = layer_norm(x, p, "norm", epsilon=1e-5).reshape(place.shape)
    inner = conv_norm(bilinear(whole, rows, columns), p, "leave", padding=0)
    return conv_norm(np.concatenate([maps, inner], axis=-1), p, "fuse", padding=1)


@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (1, 1)])
def test_a_block_equals_plain_numpy_at_sizes_that_patches_divide_and_others(shape: tuple[int, int]):
    """Through the last block of a whole network, whose arrays are random."""
    network, *shapes = outline(lambda: create("mobilevit_xxs", num_classes=2, **TINY))
    parameters, statistics = random_arrays(shapes[0], 1), random_arrays(shapes[1], 2)
    maps = np.random.default_rng(3).normal(size=(2, *shape, 8)).astype(np.float32)

    @jax.jit
    def run(parameters, statistics, maps):
        backbone = network.module(parameters, statistics).backbone
        assert isinstance(backbone, MobileViT)
        return backbone.stages[4][1](maps)

    with jax.default_matmul_precision("float32"):
        found = run(parameters, statistics, maps)
    ours = "backbone/stages/4/1/"
    arrays = {
        path.removeprefix(ours): array.astype(np.float64)
        for path, array in (parameters | statistics).items()
        if path.startswith(ours)
    }
    expected = [numpy_block(image.astype(np.float64), arrays, depth=3) for image in maps]
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


# As timm's code counts them with 1000 classes; the paper says 1.3, 2.3 and 5.6 million.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("mobilevit_xxs", 1_272_024), ("mobilevit_xs", 2_317_848), ("mobilevit_s", 5_578_632)],
)
def test_parameters_count_as_published(name: str, parameters: int):
    _, shapes, _ = outline(lambda: create(name, num_classes=1000))
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == parameters


@pytest.mark.parametrize(("size", "grid"), [((256, 256), (8, 8)), ((161, 224), (6, 7))])
def test_features_are_the_last_maps_of_any_images(size: tuple[int, int], grid: tuple[int, int]):
    def run(images):
        backbone = MobileViT(**TINY, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
        features = backbone.features(images)
        return features, backbone.pool(features)

    features, embedding = jax.eval_shape(run, jax.ShapeDtypeStruct((2, *size, 3), jnp.uint8))
    assert (features.shape, features.dtype) == ((2, *grid, 16), jnp.bfloat16)
    assert (embedding.shape, embedding.dtype) == ((2, 16), jnp.float32)


def test_apples_weights_see_blue_first_and_values_up_to_one():
    images = jnp.array([[[[255, 51, 0]]]], jnp.uint8)
    np.testing.assert_allclose(normalise(images, "unit", jnp.float32)[0, 0, 0], [1, 0.2, 0])
    np.testing.assert_allclose(normalise(images, "unit bgr", jnp.float32)[0, 0, 0], [0, 0.2, 1])
