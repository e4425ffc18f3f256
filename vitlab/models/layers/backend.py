"""Which formulation of a layer runs: the plain one, or the one that XLA's CPU backend runs well."""

import os
from functools import cache

import jax

from vitlab.processor import instruction_sets

# Which of its operations XLA's CPU backend gives to YNNPACK: by itself sums and products, so only sums.
_LIBRARY = "xla_cpu_experimental_ynn_fusion_type"
BY_EIGEN = {_LIBRARY: "LIBRARY_FUSION_TYPE_REDUCE"}


def prefers_reformulation() -> bool:
    """Whether this is a CPU, and $VITLAB_LAYERS does not say "reference".

    On GPU and TPU the plain formulation of every layer is the fast one. On CPU it is there to compare
    with; programs that are already compiled stay as they are.
    """
    return jax.default_backend() == "cpu" and os.environ.get("VITLAB_LAYERS") != "reference"


def compiler_options() -> dict[str, str] | None:
    """For `jax.jit` of whole networks (the outermost; JAX refuses them within): who multiplies on CPU.

    Left alone, XLA gives products to YNNPACK. On two cores of an AMD EPYC with AVX2 (JAX 0.12.0.1)
    Eigen makes steps of ViT-Ti, ResNet-50, CvT-13 and MobileNetV2 4 to 12 % faster, and answers as
    much and more; a step of ViT-B/32 becomes 8 % slower with 16 images, 3 % faster with 32. So it is
    taken on every x86 processor under Linux that has AVX2 and FMA, but for some networks, which
    `Network.compiler_options` knows. With AVX-512 it was not measured, and nothing changes; nor does it
    where several processes compile one program, which must be the same, or where $XLA_FLAGS has the
    option, or if this JAX lacks it.
    """
    if not prefers_reformulation() or jax.process_count() > 1:
        return None
    instructions = instruction_sets()
    suits = {"avx2", "fma"} <= instructions and "avx512f" not in instructions
    chosen = _LIBRARY in os.environ.get("XLA_FLAGS", "")
    return dict(BY_EIGEN) if suits and not chosen and _is_known() else None


@cache
def _is_known() -> bool:
    """The option is an experimental one of XLA's."""
    try:
        jax.jit(lambda: None, compiler_options=BY_EIGEN).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
