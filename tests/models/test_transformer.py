"""A block that is asked for its first tokens alone gives what it gives for all, and works less."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.models.reference import random_array, random_arrays
from vitlab.models import Arrays, Network, create
from vitlab.models.cvt import ConvolutionalAttention
from vitlab.models.functional import arrays
from vitlab.models.layers import SelfAttention, TransformerBlock, rematerialise

WIDTH, HEADS = 8, 2
# An attention, and the grid that it has to know.
ATTENTIONS: dict[str, tuple[Callable[..., nnx.Module], tuple]] = {
    "all": (SelfAttention, ()),
    "causal": (partial(SelfAttention, causal=True), ()),
    "convolutional": (ConvolutionalAttention, ((4, 5),)),
}
VIT: dict[str, Any] = {
    "patch": 4,
    "width": 32,
    "depth": 2,
    "heads": 2,
    "mlp_width": 128,
    "input_size": 32,
}
CLIP = {
    **{key: VIT[key] for key in ("patch", "width", "depth", "heads", "input_size")},
    "embedding_width": 8,
}
CVT = {"depths": (1, 1, 2), "widths": (8, 8, 32), "heads": (1, 1, 2), "input_size": 96}
# Networks, their last block, and the grid that it has to know.
NETWORKS: dict[str, tuple[dict, Callable, tuple]] = {
    "vit": (VIT, lambda backbone: backbone.blocks[-1], ()),
    "clip_vit_b32": (CLIP, lambda backbone: backbone.blocks[-1], ()),
    "cvt13": (CVT, lambda backbone: backbone.stages[-1].blocks[-1], ((6, 6),)),
}


def block(attention: Callable[..., nnx.Module]) -> tuple[Network, Arrays, Arrays]:
    module = TransformerBlock(
        WIDTH, HEADS, 3 * WIDTH, epsilon=1e-6, attention=attention, dtype=jnp.float32, rngs=nnx.Rngs(0)
    )
    parameters, statistics = (
        jax.device_put(random_arrays({path: array.shape for path, array in found.items()}, seed))
        for seed, found in enumerate(arrays(module))
    )
    # Small variances make large values, whose attention is all or nothing, and rounding decides which.
    statistics = {path: array + path.endswith("variance") for path, array in statistics.items()}
    module.eval()
    return Network(nnx.graphdef(module), powers_of_two=False), parameters, statistics


@pytest.mark.parametrize("layers", ["reference", "chosen"])
@pytest.mark.parametrize("again", [False, True], ids=["kept", "rematerialised"])
@pytest.mark.parametrize("moves", [False, True], ids=["frozen", "moving"])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_the_first_tokens_are_what_they_are_among_all(
    name: str, moves: bool, again: bool, layers: str, monkeypatch: pytest.MonkeyPatch
):
    if layers == "reference":
        monkeypatch.setenv("VITLAB_LAYERS", "reference")
    attention, grid = ATTENTIONS[name]
    network, parameters, statistics = block(attention)

    def answer(queries: int | None, parameters: Arrays, tokens: jax.Array) -> tuple[jax.Array, Arrays]:
        module = network.module(parameters, statistics)
        if moves:
            module.train()
        if again:
            rematerialise(module)
        return module(tokens, *grid, queries=queries), arrays(module)[1]

    given = parameters, random_array((3, 21, WIDTH), 2)
    with jax.default_matmul_precision("float32"):
        every, pull_back_every, expected = jax.vjp(partial(answer, None), *given, has_aux=True)
    for queries in (1, 3):
        with jax.default_matmul_precision("float32"):
            found, pull_back, moved = jax.vjp(partial(answer, queries), *given, has_aux=True)
        slopes = random_array((3, queries, WIDTH), 3)
        every_slope = jnp.zeros_like(every).at[:, :queries].set(slopes)
        assert found.shape == slopes.shape
        among_all = pull_back_every(every_slope)
        pairs = zip(
            jax.tree.leaves((found, pull_back(slopes), moved)),
            jax.tree.leaves((every[:, :queries], among_all, expected)),
            strict=True,
        )
        # The bias of the keys has no gradient but rounding, which goes by the size of the others.
        largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(among_all))
        for one, other in pairs:
            np.testing.assert_allclose(one, other, atol=1e-5 * (1 + largest), rtol=1e-5)
        for path, values in statistics.items():
            assert np.array_equal(moved[path], values) != moves, path


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_block_works_for_the_class_token_alone(name: str):
    options, last_block, grid = NETWORKS[name]
    backbone = create(name, num_classes=2, **options).backbone
    images = jax.ShapeDtypeStruct((1, backbone.input_size, backbone.input_size, 3), jnp.uint8)
    features = jax.eval_shape(backbone.features, images)

    def flops(function: Callable[[jax.Array], jax.Array]) -> float:
        costs = jax.jit(function).lower(features).compile().cost_analysis()
        assert costs
        return costs["flops"]

    assert flops(backbone.pool) < 0.25 * flops(lambda tokens: last_block(backbone)(tokens, *grid))


def test_where_patches_are_averaged_the_last_block_works_for_all():
    backbone: Any = create("vit", num_classes=2, pooling="average", **VIT).backbone
    features = random_array((1, 64, 32), 0)
    expected = backbone.norm(backbone.blocks[-1](features)).mean(axis=1)
    np.testing.assert_allclose(backbone.pool(features), expected, atol=1e-5)
