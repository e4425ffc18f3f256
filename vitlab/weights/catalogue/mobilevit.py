"""MobileViT: Apple's weights, as timm and as Apple itself publish them on Hugging Face."""

from functools import partial

from vitlab.weights.catalogue.publishers import hugging_face, timm

LICENCE = "ml-cvnets"  # Apple's own

_timm = partial(timm, scheme="unit", licence=LICENCE)
_apple = partial(hugging_face, tag="in1k", size=256, crop=256 / 288, data="ImageNet-1k", licence=LICENCE)

CHECKPOINTS = (
    _timm("mobilevit_xxs.cvnets_in1k", 256, 0.9, 68.932, 88.942),
    _timm("mobilevit_xs.cvnets_in1k", 256, 0.9, 74.636, 92.346),
    _timm("mobilevit_s.cvnets_in1k", 256, 0.9, 78.312, 94.144),
    _apple("mobilevit_xxs", theirs="apple/mobilevit-xx-small", scheme="unit bgr"),
    _apple("mobilevit_xs", theirs="apple/mobilevit-x-small", scheme="unit bgr"),
    _apple("mobilevit_s", theirs="apple/mobilevit-small", scheme="unit bgr"),
)
