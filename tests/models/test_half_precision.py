"""bfloat16 in every family: about what float32 answers, and not the same."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vitlab.models import PRESETS, create, inception_resnet_v2, inception_v3, outline, xception

# One network of each family, its input size, and options that make it small.
SMALL: dict[str, tuple[int, dict[str, Any]]] = {
    "vit": (32, dict(patch=8, width=16, depth=2, heads=2, mlp_width=32)),
    "cvt13": (32, dict(depths=(1, 1, 2), widths=(8, 16, 16), heads=(1, 2, 2))),
    "mobilevit_xxs": (
        32,
        dict(channels=(4, 4, 8, 8, 8), widths=(8, 8, 12), last_channels=16, expansion=2),
    ),
    "mobilenet_v2": (32, dict(width=0.1)),
    "vgg16_bn": (32, dict(depths=(1, 1, 1, 1, 1), top="average")),
    "resnet50": (32, dict(depths=(1, 1, 1, 1))),
    "resnet50_v2": (32, dict(depths=(1, 1, 1, 1))),
    "inception_v3": (75, {}),
    "inception_resnet_v2": (75, {}),
    "xception": (48, {}),
    "efficientnet_b0": (32, dict(width_factor=0.1, depth_factor=0.1)),
    "clip_vit_b32": (32, dict(patch=8, width=16, depth=2, heads=2, embedding_width=8)),
    "clip_resnet50": (32, dict(depths=(1, 1, 1, 1), width=8, heads=2, embedding_width=8)),
    "cnn_gap": (32, {}),
}


@pytest.fixture
def few_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks whose tables are no options, with less of each."""
    blocks = inception_v3._blocks(False)
    monkeypatch.setattr(inception_v3, "_blocks", lambda _: (blocks[0], blocks[3], blocks[8], blocks[9]))
    stages = [(entry, chains, scales[-1:]) for entry, chains, scales in inception_resnet_v2.STAGES]
    monkeypatch.setattr(inception_resnet_v2, "STAGES", stages)
    monkeypatch.setattr(xception, "BLOCKS", ((16, 16), (16, 16, 16), (24, 24)))
    monkeypatch.setattr(xception, "LAST", (24, 32))


def test_one_of_each_family_is_here():
    assert {PRESETS[name].family for name in SMALL} == {one.family for one in PRESETS.values()}
    assert len(SMALL) == len({one.family for one in PRESETS.values()})


def drawn(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """What keeps the size of the values; the networks' own initialisation takes long to compile."""
    random = np.random.default_rng(0)
    arrays = {}
    for path, shape in shapes.items():
        if len(shape) < 2:
            value = float(path.endswith(("scale", "variance")))
            arrays[path] = np.full(shape, value, np.float32)
        else:
            spread = (2 / math.prod(shape[:-1])) ** 0.5
            arrays[path] = random.normal(0, spread, shape).astype(np.float32)
    return arrays


@pytest.mark.usefixtures("few_blocks")
@pytest.mark.parametrize("name", SMALL)
def test_bfloat16_answers_about_the_same(name: str):
    size, options = SMALL[name]
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (2, size, size, 3)), jnp.uint8)

    def embed(dtype: str) -> np.ndarray:
        def build():
            return create(name, num_classes=3, input_size=size, dtype=dtype, **options)

        network, *shapes = outline(build)
        arrays = drawn(shapes[0] | shapes[1])
        parameters, statistics = ({path: arrays[path] for path in part} for part in shapes)
        return np.asarray(jax.jit(network.embed)(parameters, statistics, images), np.float32)

    exact, rounded = embed("float32"), embed("bfloat16")
    assert np.abs(exact).max() > 0
    difference = np.abs(exact - rounded).max() / np.abs(exact).max()
    assert 1e-5 < difference < 0.1
