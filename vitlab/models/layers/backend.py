"""Which formulation of a layer runs: the plain one, or the one that XLA's CPU backend runs well."""

import os

import jax


def prefers_reformulation() -> bool:
    """Whether this is a CPU, and $VITLAB_LAYERS does not say "reference".

    On GPU and TPU the plain formulation of every layer is the fast one. On CPU it is there to compare
    with; programs that are already compiled stay as they are.
    """
    return jax.default_backend() == "cpu" and os.environ.get("VITLAB_LAYERS") != "reference"
