"""The name maps: for every family of networks, how each publisher names its tensors."""

from vitlab.weights.layouts import mobilenet_v2, vit
from vitlab.weights.layouts.layout import Filled, Layout, Rule

# vitlab's own files use the network's paths, in every family.
OURS = Layout("vitlab", (Rule(r"((?:backbone|head)/.+)", "{0}"),))

LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "vit": (*vit.LAYOUTS, OURS),
    "mobilenet_v2": (*mobilenet_v2.LAYOUTS, OURS),
}

__all__ = ["LAYOUTS", "Filled", "Layout"]
