"""The publishers' own networks, whatever framework they are written in."""

from tests.parity import keras_networks, pytorch_networks
from tests.parity.cases import Case
from tests.parity.theirs import Theirs


def open_network(case: Case, size: int, seed: int, *, double: bool = False) -> Theirs:
    """The publisher's network of `case` for images of `size` pixels, in float32 or float64.

    `seed` draws CLIP's texts. Keras computes in float64 only inside `jax.enable_x64(True)`.
    """
    if case.publisher == "keras":
        return keras_networks.KerasNetwork(case, size, double=double)
    return pytorch_networks.open_network(case, size, seed, double=double)
