"""MobileViT: Apple's weights, as timm and as Apple itself publish them on Hugging Face."""

from functools import partial

from vitlab.weights.catalogue.publishers import hugging_face, timm

# "Apple sample code license", say Apple's cards, which is that of github.com/apple/ml-cvnets, in Hugging
# Face's short form; the tag of these cards, and of timm's, is "other".
LICENCE = "apple-ascl"

_timm = partial(timm, scheme="unit", licence=LICENCE)

# Their preprocessor_config.json: the shorter side to 288, bilinear, the central 256, and BGR.
_apple = partial(
    hugging_face,
    tag="in1k",
    size=256,
    crop=256 / 288,
    data="ImageNet-1k",
    licence=LICENCE,
    scheme="unit bgr",
    source="apple, model card",
)

CHECKPOINTS = (
    _timm("mobilevit_xxs.cvnets_in1k", 256, 0.9, 68.932, 88.942),
    _timm("mobilevit_xs.cvnets_in1k", 256, 0.9, 74.636, 92.346),
    _timm("mobilevit_s.cvnets_in1k", 256, 0.9, 78.312, 94.144),
    _apple("mobilevit_xxs", theirs="apple/mobilevit-xx-small", top1=69.0, top5=88.9),
    _apple("mobilevit_xs", theirs="apple/mobilevit-x-small", top1=74.8, top5=92.3),
    _apple("mobilevit_s", theirs="apple/mobilevit-small", top1=78.4, top5=94.1),
)
