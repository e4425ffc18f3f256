"""A batch in two halves that run side by side."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vitlab.models import create, initialise
from vitlab.models.classifier import Backbone
from vitlab.models.layers import in_halves
from vitlab.models.layers.chunks import LEAST_HALVED


def _images(count: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=(count, 5)), jnp.float32)


def _squashed(images: jax.Array) -> jax.Array:
    return jnp.tanh(images) @ jnp.arange(10.0).reshape(5, 2)


def _calls(function, count: int) -> int:
    """How often the program calls a function of its own."""
    return jax.jit(function).lower(_images(count)).as_text().count("call @_squashed")


@pytest.mark.parametrize("count", [1, 7, 8, 9, 32])
def test_halves_give_what_the_whole_gives(count):
    images = _images(count)

    def loss(function):
        return jax.value_and_grad(lambda values: jnp.sum(function(values) ** 2))(images)

    for halves, whole in zip(
        loss(lambda values: in_halves(_squashed, values)), loss(_squashed), strict=True
    ):
        np.testing.assert_allclose(halves, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("count", "halves"), [(LEAST_HALVED, 2), (LEAST_HALVED + 1, 0), (LEAST_HALVED - 2, 0)]
)
def test_only_an_even_batch_that_is_large_enough_is_halved(count, halves):
    assert _calls(lambda images: in_halves(_squashed, images), count) == halves


def test_it_stays_whole_in_the_reference_formulation(monkeypatch):
    monkeypatch.setenv("VITLAB_LAYERS", "reference")
    assert _calls(lambda images: in_halves(_squashed, images), 32) == 0


def test_it_stays_whole_where_it_is_spread_over_devices(monkeypatch):
    monkeypatch.setattr("jax.device_count", lambda: 2)
    assert _calls(lambda images: in_halves(_squashed, images), 32) == 0


@pytest.mark.parametrize(("count", "calls"), [(32, 2), (9, 0)])
@pytest.mark.parametrize("method", ["embed", "__call__"])
def test_a_network_is_in_the_program_twice_and_traced_once(method, count, calls):
    network, *arrays = initialise(lambda: create("mobilenet_v2", num_classes=4, width=0.35), {})
    images = jax.ShapeDtypeStruct((count, 32, 32, 3), jnp.uint8)
    program = jax.jit(getattr(network, method)).lower(*arrays, images).as_text()
    assert program.count(f"call @{method}") == calls
    assert program.count(f"func private @{method}") == bool(calls)


@pytest.mark.parametrize("method", ["embed", "__call__"])
def test_a_network_that_gains_nothing_by_it_stays_whole(method):
    network, *arrays = initialise(lambda: create("resnet18", num_classes=4), {})
    images = jax.ShapeDtypeStruct((32, 32, 32, 3), jnp.uint8)
    program = jax.jit(getattr(network, method)).lower(*arrays, images).as_text()
    assert f"call @{method}" not in program


def test_these_networks_are_answered_in_halves():
    halved = {kind.__name__ for kind in Backbone.__subclasses__() if kind.halved}
    assert halved == {"CLIPVisionTransformer", "EfficientNet", "MobileNetV2", "VisionTransformer"}


def test_a_network_embeds_a_batch_as_it_embeds_each_image():
    network, parameters, statistics = initialise(
        lambda: create("mobilenet_v2", num_classes=4, width=0.35), {}
    )
    random = np.random.default_rng(0)
    images = jnp.asarray(random.integers(0, 256, (LEAST_HALVED, 32, 32, 3), np.uint8))
    together = network.embed(parameters, statistics, images)
    alone = [network.embed(parameters, statistics, image[None])[0] for image in images]
    assert np.std(together) > 0.01
    np.testing.assert_allclose(together, np.stack(alone), rtol=1e-4, atol=1e-5)
