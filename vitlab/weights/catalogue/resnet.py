"""ResNet v1: timm, torchvision, Keras; ResNet v2: Keras."""

from functools import partial

from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.catalogue.publishers import keras, timm, torchvision

_tv = partial(timm, interpolation="bilinear", licence="BSD-3-Clause")  # torchvision's weights
_fb = partial(timm, interpolation="bilinear", licence="CC-BY-NC-4.0")  # Yalniz et al. 2019

TIMM = (
    timm("resnet18.a1_in1k", 288, 1.0, 73.158, 91.026),
    timm("resnet18.a2_in1k", 288, 1.0, 72.372, 90.596),
    timm("resnet18.a3_in1k", 224, 0.95, 68.254, 88.176),
    _fb("resnet18.fb_ssl_yfcc100m_ft_in1k", 224, 0.875, 72.594, 91.418),
    _fb("resnet18.fb_swsl_ig1b_ft_in1k", 224, 0.875, 73.282, 91.732),
    timm("resnet18.gluon_in1k", 224, 0.875, 70.838, 89.754),
    _tv("resnet18.tv_in1k", 224, 0.875, 69.76, 89.07),
    timm("resnet34.a1_in1k", 288, 1.0, 77.918, 93.766),
    timm("resnet34.a2_in1k", 288, 1.0, 77.158, 93.274),
    timm("resnet34.a3_in1k", 224, 0.95, 72.97, 91.108),
    timm("resnet34.bt_in1k", 288, 0.95, 76.48, 93.354),
    timm("resnet34.gluon_in1k", 224, 0.875, 74.578, 91.984),
    timm("resnet34.ra4_e3600_r224_in1k", 288, 1.0, scheme="symmetric"),
    # timm lists no figure; the file is torchvision's resnet34-b627a593, which torchvision measured.
    _tv("resnet34.tv_in1k", 224, 0.875, 73.314, 91.42, source="torchvision"),
    timm("resnet50.a1_in1k", 288, 1.0, 81.214, 95.102),
    timm("resnet50.a1h_in1k", 224, 1.0, 80.676, 95.306),
    timm("resnet50.a2_in1k", 288, 1.0, 80.772, 94.988),
    timm("resnet50.a3_in1k", 224, 0.95, 78.048, 93.78),
    timm("resnet50.am_in1k", 224, 0.875, 78.998, 94.396),
    timm("resnet50.b1k_in1k", 288, 1.0, 80.706, 95.432),
    timm("resnet50.b2k_in1k", 288, 1.0, 80.454, 95.318),
    timm("resnet50.bt_in1k", 288, 0.95, 79.64, 94.892),
    timm("resnet50.c1_in1k", 288, 1.0, 80.912, 95.552),
    timm("resnet50.c2_in1k", 288, 1.0, 80.87, 95.534),
    timm("resnet50.d_in1k", 288, 1.0, 80.972, 95.43),
    _fb("resnet50.fb_ssl_yfcc100m_ft_in1k", 224, 0.875, 79.234, 94.826),
    _fb("resnet50.fb_swsl_ig1b_ft_in1k", 224, 0.875, 81.182, 95.992),
    timm("resnet50.gluon_in1k", 224, 0.875, 77.58, 93.72),
    timm("resnet50.ra_in1k", 288, 0.95, 79.836, 94.966),
    timm("resnet50.ram_in1k", 288, 0.95, 79.976, 95.052),
    _tv("resnet50.tv2_in1k", 224, 0.965, 80.85, 95.434),
    _tv("resnet50.tv_in1k", 224, 0.875, 76.13, 92.858),
    timm("resnet101.a1_in1k", 288, 1.0, 82.322, 95.632),
    timm("resnet101.a1h_in1k", 288, 1.0, 82.778, 96.31),
    timm("resnet101.a2_in1k", 288, 1.0, 82.236, 95.73),
    timm("resnet101.a3_in1k", 224, 0.95, 79.814, 94.606),
    timm("resnet101.gluon_in1k", 224, 0.875, 79.31, 94.522),
    _tv("resnet101.tv2_in1k", 224, 0.965, 81.89, 95.768),
    _tv("resnet101.tv_in1k", 224, 0.875, 77.376, 93.542),
    timm("resnet152.a1_in1k", 288, 1.0, 82.732, 95.72),
    timm("resnet152.a1h_in1k", 288, 1.0, 83.45, 96.538),
    timm("resnet152.a2_in1k", 288, 1.0, 82.608, 95.752),
    timm("resnet152.a3_in1k", 224, 0.95, 80.546, 95.0),
    timm("resnet152.gluon_in1k", 224, 0.875, 79.694, 94.736),
    _tv("resnet152.tv2_in1k", 224, 0.965, 82.288, 96.004),
    _tv("resnet152.tv_in1k", 224, 0.875, 78.322, 94.048),
)

TORCHVISION = (
    torchvision("resnet18", "in1k_v1", "resnet18-f37072fd", 44.661, 69.758, 89.078),
    torchvision("resnet34", "in1k_v1", "resnet34-b627a593", 83.275, 73.314, 91.42),
    torchvision("resnet50", "in1k_v1", "resnet50-0676ba61", 97.781, 76.13, 92.862),
    torchvision("resnet50", "in1k_v2", "resnet50-11ad3fa6", 97.79, 80.858, 95.434, resize=232),
    torchvision("resnet101", "in1k_v1", "resnet101-63fe2227", 170.511, 77.374, 93.546),
    torchvision("resnet101", "in1k_v2", "resnet101-cd907fc2", 170.53, 81.886, 95.78, resize=232),
    torchvision("resnet152", "in1k_v1", "resnet152-394f9c45", 230.434, 78.312, 94.046),
    torchvision("resnet152", "in1k_v2", "resnet152-f82ba261", 230.474, 82.284, 96.002, resize=232),
)


def _keras(model: str, theirs: str, *figures: float, licence: str, scheme: str, md5: str) -> Checkpoint:
    file = f"resnet/{theirs}_weights_tf_dim_ordering_tf_kernels"
    return keras(model, file, licence, *figures, scheme=scheme, md5=md5)


# Ported from He's own Caffe models, and from Facebook's in Torch.
_v1 = partial(_keras, licence="MIT", scheme="caffe")
_v2 = partial(_keras, licence="BSD-3-Clause", scheme="symmetric")

KERAS = (
    _v1("resnet50", "resnet50", 98, 74.9, 92.1, md5="2cb95161c43110f7111970584f804107"),
    _v1("resnet101", "resnet101", 171, 76.4, 92.8, md5="f1aeb4b969a6efcfb50fad2f0c20cfc5"),
    _v1("resnet152", "resnet152", 232, 76.6, 93.1, md5="100835be76be38e30d865e96f2aaae62"),
    _v2("resnet50_v2", "resnet50v2", 98, 76.0, 93.0, md5="3ef43a0b657b3be2300d5770ece849e0"),
    _v2("resnet101_v2", "resnet101v2", 171, 77.2, 93.8, md5="6343647c601c52e1368623803854d971"),
    _v2("resnet152_v2", "resnet152v2", 232, 78.0, 94.2, md5="a49b44d1979771252814e80f8ec446f9"),
)

CHECKPOINTS = (*TIMM, *TORCHVISION, *KERAS)
