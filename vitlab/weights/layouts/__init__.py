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
from vitlab.weights.layouts.layout import Layout, Misfit, Rule, with_classes

# vitlab's own files use the network's paths, in every family; `model.json` beside them says the rest.
OURS = "vitlab"
_OURS = Layout(OURS, (Rule(r"((?:backbone|head)/.+)", "{0}"),))


def _with_ours(*published: Layout) -> tuple[Layout, ...]:
    """What learned from nothing is resampled as the first publisher of its family does it."""
    resize = published[0].resize if published else {}
    return *published, dataclasses.replace(_OURS, resize=resize)


def ours_from(family: str, publisher: str) -> Layout:
    """The layout of vitlab's own files, resampled as the publisher does from whom the weights come.

    Raises:
        KeyError: the family has no such publisher, and something that follows the image's size.
    """
    resizes = {layout.publisher: layout.resize for layout in LAYOUTS[family]}
    if not any(resizes.values()):
        return _OURS
    return dataclasses.replace(_OURS, resize=resizes[publisher])


LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "vit": _with_ours(*vit.LAYOUTS),
    "mobilenet_v2": _with_ours(*mobilenet_v2.LAYOUTS),
    "resnet": _with_ours(*resnet.LAYOUTS),
    "resnet_v2": _with_ours(*resnet_v2.LAYOUTS),
    "cnn": _with_ours(),
    "clip_vit": _with_ours(*clip.VISION_TRANSFORMER_LAYOUTS),
    "clip_resnet": _with_ours(*clip.RESNET_LAYOUTS),
    "clip_text": clip.TEXT_LAYOUTS,
    "vgg": _with_ours(*vgg.LAYOUTS),
    "inception_v3": _with_ours(*inception_v3.LAYOUTS),
    "inception_resnet_v2": _with_ours(*inception_resnet_v2.LAYOUTS),
    "xception": _with_ours(*xception.LAYOUTS),
    "efficientnet": _with_ours(*efficientnet.LAYOUTS),
    "cvt": _with_ours(*cvt.LAYOUTS),
    "mobilevit": _with_ours(*mobilevit.LAYOUTS),
}

__all__ = ["LAYOUTS", "OURS", "Layout", "Misfit", "ours_from", "with_classes"]
