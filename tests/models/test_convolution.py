"""Every formulation of a convolution equals XLA's own, in values and in both gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vitlab.models.layers import Convolution, convolve
from vitlab.models.layers.convolution import convolve_reference, padding_amounts

SIZES = st.integers(1, 17)


def values_and_gradients(function, images, kernel, seed):
    @jax.jit
    def both(images, kernel):
        outputs, pull_back = jax.vjp(function, images, kernel)
        cotangent = np.random.default_rng(seed).normal(size=outputs.shape)
        return outputs, *pull_back(jnp.asarray(cotangent, jnp.float32))

    return both(images, kernel)


def drawn_as(kernel: tuple[int, int], stride: int, padding: str, depthwise: bool):
    """One case that a published network has, beside those that are drawn."""
    return example(
        height=9, width=12, channels=17, features=3, rows=kernel[0], columns=kernel[1],
        stride=stride, padding=padding, depthwise=depthwise, seed=0,
    )  # fmt: skip


@settings(max_examples=20, deadline=None)
@drawn_as((1, 7), 1, "symmetric", depthwise=False)  # Inception
@drawn_as((7, 1), 1, "symmetric", depthwise=False)
@drawn_as((3, 3), 2, "valid", depthwise=False)
@drawn_as((5, 5), 2, "symmetric", depthwise=True)  # EfficientNet
@drawn_as((5, 5), 2, "tensorflow", depthwise=True)
@given(
    height=SIZES,
    width=SIZES,
    channels=st.integers(1, 20),
    features=st.integers(1, 5),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["tensorflow", "symmetric", "valid", 2]),
    depthwise=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_values_and_gradients_equal_the_reference(
    height, width, channels, features, rows, columns, stride, padding, depthwise, seed
):
    amounts = padding_amounts((height, width), (rows, columns), stride, padding)
    if height + sum(amounts[0]) < rows or width + sum(amounts[1]) < columns:
        return  # the kernel does not fit once: there is no output
    groups = channels if depthwise else 1
    shape = (rows, columns, 1 if depthwise else channels, channels if depthwise else features)
    generator = np.random.default_rng(seed)
    images = jnp.asarray(generator.normal(size=(2, height, width, channels)), jnp.float32)
    kernel = jnp.asarray(generator.normal(size=shape), jnp.float32)

    def ours(images, kernel):
        return convolve(images, kernel, stride=stride, padding=padding, groups=groups)

    def reference(images, kernel):
        return convolve_reference(images, kernel, stride, amounts, groups)

    with jax.default_matmul_precision("float32"):
        found = values_and_gradients(ours, images, kernel, seed)
        expected = values_and_gradients(reference, images, kernel, seed)
    for one, other in zip(found, expected, strict=True):
        scale = float(jnp.abs(other).max()) + 1e-6
        np.testing.assert_allclose(one, other, atol=2e-5 * scale)


@pytest.mark.parametrize(("kernel", "shape"), [(3, (3, 3)), ((1, 7), (1, 7)), ((7, 1), (7, 1))])
def test_a_kernel_is_square_or_rows_by_columns(kernel: int | tuple[int, int], shape: tuple[int, int]):
    layer = Convolution(2, 5, kernel=kernel, padding="symmetric", rngs=nnx.Rngs(0))
    assert layer.kernel[...].shape == (*shape, 2, 5)
    assert layer(jnp.ones((1, 8, 9, 2))).shape == (1, 8, 9, 5)


@pytest.mark.parametrize(("size", "before_and_after"), [(224, (0, 1)), (225, (1, 1))])
def test_tensorflow_pads_the_end_when_the_size_is_even(size: int, before_and_after: tuple[int, int]):
    amounts = padding_amounts((size, size), (3, 3), 2, "tensorflow")
    assert amounts == (before_and_after, before_and_after)


def test_half_precision_stays_half_precision():
    images = jnp.ones((1, 8, 8, 4), jnp.bfloat16)
    for kernel, groups in ((jnp.ones((3, 3, 1, 4)), 4), (jnp.ones((1, 1, 4, 2)), 1)):
        result = convolve(images, kernel.astype(jnp.bfloat16), padding="symmetric", groups=groups)
        assert result.dtype == jnp.bfloat16


def test_a_kernel_as_large_as_the_image_is_a_dense_layer():
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(3, 4, 5, 6)), jnp.float32)
    kernel = jnp.asarray(random.normal(size=(4, 5, 6, 7)), jnp.float32)
    with jax.default_matmul_precision("float32"):
        found = values_and_gradients(
            lambda images, kernel: convolve(images, kernel, padding="valid"), images, kernel, 0
        )
        expected = values_and_gradients(
            lambda images, kernel: convolve_reference(images, kernel, 1, ((0, 0), (0, 0))),
            images,
            kernel,
            0,
        )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("stated", ["reference", ""])
def test_the_plain_formulation_can_be_asked_for(stated: str, monkeypatch):
    monkeypatch.setenv("VITLAB_LAYERS", stated)
    program = jax.make_jaxpr(
        lambda images: convolve(images, jnp.ones((3, 3, 1, 4)), padding="symmetric", groups=4)
    )(jnp.ones((1, 8, 8, 4)))
    assert ("conv_general_dilated" in str(program)) == (stated == "reference")
