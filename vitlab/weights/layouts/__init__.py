"""The name maps: for every family of networks, how each publisher names its tensors."""

import dataclasses

from vitlab.weights.layouts import (
    clip,
    cvt,
    efficientnet,
    inception_resnet_v2,
    inception_v3,
    mobilenet_v2,
    mobilevit,
    resnet,
    resnet_v2,
    vgg,
    vit,
    xception,
)
from vitlab.weights.layouts.layout import Filled, Layout, Rule, with_classes
from vitlab.weights.layouts.positions import bicubic

# vitlab's own files use the network's paths, in every family; `model.json` beside them says the rest.
OURS = "vitlab"
_OURS = Layout(OURS, (Rule(r"((?:backbone|head)/.+)", "{0}"),))
_OURS_RESAMPLED = dataclasses.replace(_OURS, resize={vit.POSITIONS: bicubic})

LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "vit": (*vit.LAYOUTS, _OURS_RESAMPLED),
    "mobilenet_v2": (*mobilenet_v2.LAYOUTS, _OURS),
    "resnet": (*resnet.LAYOUTS, _OURS),
    "resnet_v2": (*resnet_v2.LAYOUTS, _OURS),
    "cnn": (_OURS,),
    "clip_vit": (*clip.VISION_TRANSFORMER_LAYOUTS, _OURS_RESAMPLED),
    "clip_resnet": (*clip.RESNET_LAYOUTS, _OURS),
    "clip_text": clip.TEXT_LAYOUTS,
    "vgg": (*vgg.LAYOUTS, _OURS),
    "inception_v3": (*inception_v3.LAYOUTS, _OURS),
    "inception_resnet_v2": (*inception_resnet_v2.LAYOUTS, _OURS),
    "xception": (*xception.LAYOUTS, _OURS),
    "efficientnet": (*efficientnet.LAYOUTS, _OURS),
    "cvt": (*cvt.LAYOUTS, _OURS),
    "mobilevit": (*mobilevit.LAYOUTS, _OURS),
}

__all__ = ["LAYOUTS", "OURS", "Filled", "Layout", "with_classes"]
