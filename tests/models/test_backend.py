"""By which library XLA multiplies on CPU."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vitlab.models import compiler_options, create, initialise, outline
from vitlab.models.layers import backend
from vitlab.processor import instruction_sets, processor_name

LIBRARY = "__ynn_fusion"  # how a compiled program names what YNNPACK does
STARTED_WITH = os.environ.get("XLA_FLAGS", "")  # XLA reads it once


@pytest.fixture(autouse=True)
def avx2(monkeypatch):
    """A processor for which the library is chosen, whatever this one is."""
    if jax.default_backend() != "cpu" or backend._LIBRARY in STARTED_WITH:
        pytest.skip("it is chosen on CPU, unless $XLA_FLAGS does")
    monkeypatch.setattr(backend, "instruction_sets", lambda: frozenset({"avx2", "fma"}))
    monkeypatch.delenv("VITLAB_LAYERS", raising=False)
    backend._is_known.cache_clear()
    assert compiler_options()
    yield
    backend._is_known.cache_clear()


def program(function, options) -> str:
    compiled = jax.jit(function, compiler_options=options).lower(jnp.ones((512, 512))).compile()
    return str(compiled.as_text())


def test_products_leave_the_library_and_sums_stay():
    """The JAX that is installed knows the option, and it does what it is chosen for."""

    def product(values):
        return values @ values

    def total(values):
        return values.sum(axis=1)

    assert LIBRARY in program(product, None)
    assert LIBRARY not in program(product, compiler_options())
    assert LIBRARY in program(total, compiler_options())


@pytest.mark.parametrize(
    ("name", "is_left_alone"),
    [(name, True) for name in ("vit_l16", "clip_vit_l14")]
    + [(name, False) for name in ("vit_b32", "vit_ti16", "vgg16", "cvt13", "resnet50", "clip_resnet50")],
)
def test_networks_of_matrices_of_powers_of_two_are_left_alone(name, is_left_alone):
    network, _, _ = outline(lambda: create(name, num_classes=1024))
    assert network.compiler_options() == (None if is_left_alone else compiler_options())


def test_a_network_sees_the_same():
    network, parameters, statistics = initialise(lambda: create("vit_ti16", num_classes=3), {})
    image = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    left_alone, chosen = (
        jax.jit(network.embed, compiler_options=options)(parameters, statistics, image)
        for options in (None, compiler_options())
    )
    assert np.abs(left_alone).max() > 0.1
    np.testing.assert_allclose(chosen, left_alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("instructions", [{"avx2", "fma", "avx512f"}, {"avx2"}, set()])
def test_another_processor_is_left_alone(instructions, monkeypatch):
    monkeypatch.setattr(backend, "instruction_sets", lambda: frozenset(instructions))
    assert compiler_options() is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [("VITLAB_LAYERS", "reference"), ("XLA_FLAGS", f"--{backend._LIBRARY}=")],
)
def test_who_chooses_is_obeyed(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    assert compiler_options() is None


@pytest.mark.parametrize(("asked", "answer"), [("default_backend", "gpu"), ("process_count", 2)])
def test_a_gpu_and_many_processes_are_left_alone(asked, answer, monkeypatch):
    monkeypatch.setattr(jax, asked, lambda: answer)
    assert compiler_options() is None


def test_a_jax_that_lacks_the_option_goes_without(monkeypatch):
    backend._is_known.cache_clear()
    monkeypatch.setattr(backend, "BY_EIGEN", {"xla_cpu_of_another_day": "none"})
    assert compiler_options() is None


def test_what_linux_says_of_the_processor(monkeypatch, tmp_path):
    described = tmp_path / "cpuinfo"
    monkeypatch.setattr("vitlab.processor.Path", lambda _: described)
    assert instruction_sets() == frozenset()
    described.write_text("model name\t: A B 7\nflags\t\t: fpu avx2 fma\nvmx flags\t: vnmi avx512f\n")
    assert processor_name() == "A B 7"
    assert instruction_sets() == {"fpu", "avx2", "fma"}
    described.write_text("flags\t\t:\nbugs\t\t: avx2\n")
    assert instruction_sets() == frozenset()
