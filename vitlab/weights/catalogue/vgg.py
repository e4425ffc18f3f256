"""VGG: torchvision, timm's copies of it, Keras."""

from functools import partial

from vitlab.weights.catalogue.publishers import keras, timm, torchvision

_timm = partial(timm, interpolation="bilinear", licence="BSD-3-Clause")
_keras = partial(keras, licence="CC-BY-4.0", scheme="caffe")  # ported from Oxford's own Caffe models

CHECKPOINTS = (
    torchvision("vgg16", "in1k_v1", "vgg16-397923af", 527.796, 71.592, 90.382),
    torchvision("vgg19", "in1k_v1", "vgg19-dcbb9e9d", 548.051, 72.376, 90.876),
    torchvision("vgg16_bn", "in1k_v1", "vgg16_bn-6c64b313", 527.866, 73.36, 91.516),
    torchvision("vgg19_bn", "in1k_v1", "vgg19_bn-c79401a0", 548.143, 74.218, 91.842),
    _timm("vgg16.tv_in1k", 224, 0.875, 71.592, 90.384),
    _timm("vgg16_bn.tv_in1k", 224, 0.875, 73.37, 91.514),
    _timm("vgg19.tv_in1k", 224, 0.875, 72.378, 90.874),
    _timm("vgg19_bn.tv_in1k", 224, 0.875, 74.216, 91.844),
    _keras(
        "vgg16",
        "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels",
        mebibytes=528,
        top1=71.3,
        top5=90.1,
        md5="64373286793e3c8b2b4e3219cbf3544b",
    ),
    _keras(
        "vgg19",
        "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels",
        mebibytes=549,
        top1=71.3,
        top5=90.0,
        md5="cbe5617147190e668d6c5d5026f83318",
    ),
)
