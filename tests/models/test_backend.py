"""By which library XLA multiplies on CPU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vitlab.models import compiler_options, create, initialise
from vitlab.models.layers import backend
from vitlab.processor import instruction_sets, processor_name

LIBRARY = "__ynn_fusion"  # how a compiled program names what YNNPACK does


@pytest.fixture(autouse=True)
def avx2(monkeypatch):
    monkeypatch.setattr(backend, "instruction_sets", lambda: frozenset({"avx2", "fma"}))
    monkeypatch.delenv("VITLAB_LAYERS", raising=False)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    backend._can_choose.cache_clear()
    yield
    backend._can_choose.cache_clear()


def program(function, options) -> str:
    return jax.jit(function, compiler_options=options).lower(jnp.ones((512, 512))).compile().as_text()


def test_products_leave_the_library_and_sums_stay():
    """The JAX that is installed knows the option, and it does what it is chosen for."""

    def product(values):
        return values @ values

    def total(values):
        return values.sum(axis=1)

    assert LIBRARY in program(product, None)
    assert LIBRARY not in program(product, compiler_options())
    assert LIBRARY in program(total, compiler_options())


def test_a_network_answers_the_same():
    network, parameters, statistics = initialise(lambda: create("vit_ti16", num_classes=3), {})
    image = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    left_alone, chosen = (
        jax.jit(network, compiler_options=options)(parameters, statistics, image)
        for options in (None, compiler_options())
    )
    np.testing.assert_allclose(chosen, left_alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [{"avx2", "fma", "avx512f"}, {"avx2"}, set()])
def test_a_processor_that_was_not_measured_stays_as_it_is(name, monkeypatch):
    monkeypatch.setattr(backend, "instruction_sets", lambda: frozenset(name))
    assert compiler_options() is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [("VITLAB_LAYERS", "reference"), ("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")],
)
def test_who_chooses_is_obeyed(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    assert compiler_options() is None


def test_a_gpu_is_left_alone(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler_options() is None


def test_a_jax_that_lacks_the_option_goes_without(monkeypatch):
    monkeypatch.setattr(backend, "_EIGEN_MULTIPLIES", {"xla_cpu_of_another_day": "none"})
    assert compiler_options() is None


def test_what_linux_says_of_the_processor(monkeypatch, tmp_path):
    described = tmp_path / "cpuinfo"
    monkeypatch.setattr("vitlab.processor.Path", lambda _: described)
    assert instruction_sets() == frozenset()
    described.write_text("model name\t: A B 7\nflags\t\t: fpu avx2 fma\nvmx flags\t: vnmi avx512f\n")
    assert processor_name() == "A B 7"
    assert instruction_sets() == {"fpu", "avx2", "fma"}
