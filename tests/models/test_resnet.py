"""ResNet's bottleneck against a plain NumPy one: where it strides, and what Keras adds to it."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.models.reference import batch_norm, convolution, random_arrays
from vitlab.models import outline
from vitlab.models.layers import ConvNorm, NormSettings
from vitlab.models.resnet import Bottleneck
from vitlab.weights.layouts import LAYOUTS


def numpy_bottleneck(maps, p, *, stride_in: str, epsilon: float):
    """Figure 5, right, of He et al. 2016, for one image and a stride of 2."""
    strides = {"reduce": 2 if stride_in == "1x1" else 1, "filter": 2 if stride_in == "3x3" else 1}

    def layer(maps, name: str, stride: int):
        maps = convolution(maps, p[f"{name}/kernel"], stride=stride, padding=int(name == "filter"))
        return batch_norm(maps + p.get(f"{name}/bias", 0), p, f"{name}/norm", epsilon=epsilon)

    inner = np.maximum(layer(maps, "reduce", strides["reduce"]), 0)
    inner = np.maximum(layer(inner, "filter", strides["filter"]), 0)
    return np.maximum(layer(maps, "shortcut", 2) + layer(inner, "expand", 1), 0)


def options_of(publisher: str) -> dict[str, Any]:
    """What the layout of bottlenecks says of `publisher`, and else the defaults of the network."""
    known = {"stride_in": "3x3", "bias": False, "epsilon": 1e-5}
    (layout,) = (one for one in LAYOUTS["resnet"] if publisher in one.publisher)
    return known | {name: layout.options[name] for name in known if name in layout.options}


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize(
    ("publisher", "stride_in", "bias", "epsilon"),
    [("keras", "1x1", True, 1.001e-5), ("bottlenecks", "3x3", False, 1e-5)],
)
def test_a_bottleneck_strides_where_its_publisher_does(
    publisher: str, stride_in: str, bias: bool, epsilon: float, size: int
):
    """Keras's strides in the 1x1, as the paper does, and its convolutions have a bias."""
    options = options_of(publisher)
    assert options == {"stride_in": stride_in, "bias": bias, "epsilon": epsilon}

    def build() -> Bottleneck:
        layer = functools.partial(
            ConvNorm,
            bias=options["bias"],
            norm=NormSettings(epsilon=options["epsilon"]),
            padding="symmetric",
            rngs=nnx.Rngs(0),
        )

        def activated(*sizes: int, **shape: Any) -> ConvNorm:
            return layer(*sizes, **{"activation": jax.nn.relu, **shape})

        return Bottleneck(6, 4, stride=2, stride_in=options["stride_in"], layer=activated)

    network, parameters, statistics = outline(build)
    assert ("reduce/bias" in parameters) == bias
    p = random_arrays(parameters | statistics, seed=1)
    maps = np.random.default_rng(2).normal(size=(2, size, size, 6)).astype(np.float32)

    @jax.jit
    def run(parameters, statistics, maps):
        return network.module(parameters, statistics)(maps)

    with jax.default_matmul_precision("float32"):
        found = run({k: p[k] for k in parameters}, {k: p[k] for k in statistics}, jnp.asarray(maps))
    exact = {path: array.astype(np.float64) for path, array in p.items()}
    right, wrong = (
        np.stack([numpy_bottleneck(one, exact, stride_in=where, epsilon=epsilon) for one in maps])
        for where in (stride_in, {"1x1": "3x3", "3x3": "1x1"}[stride_in])
    )
    np.testing.assert_allclose(found, right, atol=1e-4 * np.abs(right).max())
    assert np.abs(right - wrong).max() > 1e-2 * np.abs(right).max()
