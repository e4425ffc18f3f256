"""Which formulation of a layer runs: the plain one, or the one that XLA's CPU backend runs well."""

import os
from functools import cache

import jax

from vitlab.processor import instruction_sets

# Of the libraries that XLA's CPU backend can call, YNNPACK sums and Eigen multiplies.
_LIBRARIES = "xla_cpu_experimental_ynn_fusion_type"
_EIGEN_MULTIPLIES = {_LIBRARIES: "LIBRARY_FUSION_TYPE_REDUCE"}


def prefers_reformulation() -> bool:
    """Whether this is a CPU, and $VITLAB_LAYERS does not say "reference".

    On GPU and TPU the plain formulation of every layer is the fast one. On CPU it is there to compare
    with; programs that are already compiled stay as they are.
    """
    return jax.default_backend() == "cpu" and os.environ.get("VITLAB_LAYERS") != "reference"


def compiler_options() -> dict[str, str] | None:
    """For `jax.jit` of whole networks: by which library XLA on CPU shall multiply matrices.

    Left alone it takes YNNPACK, for products and for sums. On an AMD EPYC with AVX2 the products of
    most networks are faster by Eigen, and so are whole steps, by 4 to 15 %. With AVX-512, for which
    YNNPACK has kernels, and on other kinds of processors this was not measured, and stays as it is.
    Whoever chooses by $XLA_FLAGS is obeyed, and a JAX without the option goes without.
    """
    if not prefers_reformulation() or _LIBRARIES in os.environ.get("XLA_FLAGS", ""):
        return None
    instructions = instruction_sets()
    measured = {"avx2", "fma"} <= instructions and "avx512f" not in instructions
    return dict(_EIGEN_MULTIPLIES) if measured and _can_choose() else None


@cache
def _can_choose() -> bool:
    """The option is an experimental one of XLA's."""
    try:
        jax.jit(lambda: None, compiler_options=_EIGEN_MULTIPLIES).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
