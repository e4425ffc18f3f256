"""The name maps: for every family of networks, how each publisher names its tensors."""

import dataclasses

from vitlab.weights.layouts import mobilenet_v2, resnet, resnet_v2, vgg, vit
from vitlab.weights.layouts.layout import Filled, Layout, Rule

# vitlab's own files use the network's paths, in every family; `model.json` beside them says the rest.
OURS = "vitlab"
_OURS = Layout(OURS, (Rule(r"((?:backbone|head)/.+)", "{0}"),))

LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "vit": (*vit.LAYOUTS, dataclasses.replace(_OURS, resize={vit.POSITIONS: vit.bicubic})),
    "mobilenet_v2": (*mobilenet_v2.LAYOUTS, _OURS),
    "resnet": (*resnet.LAYOUTS, _OURS),
    "resnet_v2": (*resnet_v2.LAYOUTS, _OURS),
    "cnn": (_OURS,),
    "vgg": (*vgg.LAYOUTS, _OURS),
}

__all__ = ["LAYOUTS", "OURS", "Filled", "Layout"]
