"""The publishers' own networks, whatever framework they are written in."""

from tests.parity import keras_networks, pytorch_networks
from tests.parity.case import Case
from tests.parity.theirs import Theirs


def open_network(case: Case, size: int, seed: int) -> Theirs:
    """The publisher's network of `case` for images of `size` pixels; `seed` draws CLIP's texts."""
    if case.publisher == "keras":
        return keras_networks.KerasNetwork(case, size)
    return pytorch_networks.open_network(case, size, seed)
