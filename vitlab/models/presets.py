"""The networks by their names: what each is built from and how its images were brought to size."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flax import nnx

from vitlab.models.classifier import Backbone
from vitlab.models.clip import CLIPVisionTransformer
from vitlab.models.clip_resnet import CLIPResNet
from vitlab.models.cnn import CNN
from vitlab.models.cvt import CvT
from vitlab.models.efficientnet import EfficientNet
from vitlab.models.inception_resnet_v2 import InceptionResNetV2
from vitlab.models.inception_v3 import InceptionV3
from vitlab.models.mobilenet_v2 import MobileNetV2, Operator, operator_table
from vitlab.models.mobilevit import MobileViT
from vitlab.models.resnet import ResNet
from vitlab.models.resnet_v2 import ResNetV2
from vitlab.models.vgg import VGG
from vitlab.models.vit import VisionTransformer
from vitlab.models.xception import Xception
from vitlab.weights import Preprocessing


@dataclass(frozen=True)
class Preset:
    """A network under its name.

    Attributes:
        family: what its weight maps are filed under.
        preprocessing: its publisher's, at the publisher's size.
        options: of the backbone; one that leaves some open (`vit`) is completed by the config.
        operators: the table that its paper is known by (row S0-12), if it has one: from all options and
            the input size.
    """

    family: str
    backbone: Callable[..., Backbone]
    preprocessing: Preprocessing
    options: Mapping[str, Any] = field(default_factory=dict)
    operators: Callable[[Mapping[str, Any], int], list[Operator]] | None = None

    @property
    def left_open(self) -> list[str]:
        """The options without which there is no network, and that its name does not say."""
        return [option for option in needed_by(self.backbone) if option not in self.options]


def options_of(network: Callable[..., nnx.Module]) -> dict[str, inspect.Parameter]:
    known = dict(inspect.signature(network.__init__).parameters)
    del known["self"], known["rngs"]
    return known


def needed_by(network: Callable[..., nnx.Module]) -> list[str]:
    """Its options that have no default."""
    return [name for name, value in options_of(network).items() if value.default is value.empty]


TIMM_VIT = Preprocessing(size=224, interpolation="bicubic", crop=0.9, crop_first=False)
TORCHVISION = Preprocessing(size=224, interpolation="bilinear", crop=0.875, crop_first=False)
KERAS = Preprocessing(size=224, interpolation="bilinear", crop=0.875, crop_first=True)
INCEPTION = dataclasses.replace(KERAS, size=299)
MICROSOFT = Preprocessing(size=224, interpolation="bicubic", crop=0.875, crop_first=False)
MICROSOFT_384 = Preprocessing(size=384, interpolation="bicubic", crop=1.0, crop_first=False)
TIMM_MOBILEVIT = Preprocessing(size=256, interpolation="bicubic", crop=0.9, crop_first=False)


def _cnn(size: int, **options: Any) -> Preset:
    return Preset("cnn", CNN, Preprocessing(size, "bilinear", 1.0, True), options)


def _vit(**options: int) -> Preset:
    return Preset("vit", VisionTransformer, TIMM_VIT, options)


def _mobilenet_v2(**options: float) -> Preset:
    return Preset("mobilenet_v2", MobileNetV2, KERAS, options, operator_table)


# Table 1 of Dosovitskiy et al. 2021 (B, L, H) and table 2 of Steiner et al. 2022 (Ti, S).
VIT_SIZES = {
    "ti": dict(width=192, depth=12, heads=3, mlp_width=768),
    "s": dict(width=384, depth=12, heads=6, mlp_width=1536),
    "b": dict(width=768, depth=12, heads=12, mlp_width=3072),
    "l": dict(width=1024, depth=24, heads=16, mlp_width=4096),
    "h": dict(width=1280, depth=32, heads=16, mlp_width=5120),
}

# Table 1 of He et al. 2016 and table 1 of Simonyan and Zisserman 2015 (D, E).
RESNETS: dict[int, dict[str, Any]] = {
    18: dict(block="basic", depths=(2, 2, 2, 2)),
    34: dict(block="basic", depths=(3, 4, 6, 3)),
    50: dict(block="bottleneck", depths=(3, 4, 6, 3)),
    101: dict(block="bottleneck", depths=(3, 4, 23, 3)),
    152: dict(block="bottleneck", depths=(3, 8, 36, 3)),
}
VGGS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}

# Tables 19 and 20 of Radford et al. 2021: the image towers, and under the same names the texts'.
CLIP = Preprocessing(size=224, interpolation="bicubic", crop=1.0, crop_first=False)
CLIP_VITS: dict[str, dict[str, int]] = {
    "b32": dict(patch=32, width=768, depth=12, heads=12, embedding_width=512),
    "b16": dict(patch=16, width=768, depth=12, heads=12, embedding_width=512),
    "l14": dict(patch=14, width=1024, depth=24, heads=16, embedding_width=768),
}
CLIP_RESNET50 = dict(depths=(3, 4, 6, 3), width=64, heads=32, embedding_width=1024)
CLIP_TEXTS = {
    name: dict(width=width, depth=12, heads=width // 64, embedding_width=embedding_width)
    for name, width, embedding_width in (
        ("clip_vit_b32", 512, 512),
        ("clip_vit_b16", 512, 512),
        ("clip_vit_l14", 768, 768),
        ("clip_resnet50", 512, 1024),
    )
}

# What the studies built by hand: CNN-A, B and C of the drawn characters, and the dogs' (`cnn_gap`).
_ABC = dict(stages=((32, 64, 64),), top="flatten", normalised=True, activation="leaky_relu")
CNNS = {
    "cnn": _cnn(128),
    "cnn_gap": _cnn(224, stages=((64,), (64,), (128,)), dense=(32,), dropout=(0.0, 0.5)),
    "cnn_a": _cnn(128, stages=((32,), (64,), (64,)), top="flatten", dense=(64,)),
    "cnn_b": _cnn(64, **_ABC, dense=(64,)),
    "cnn_c": _cnn(128, **_ABC, dense=(128,), dropout=(0.2, 0.7)),
}
# Of Tan and Le 2019, as their code has them: factors of width and depth, pixels per side.
EFFICIENTNETS = {
    "b0": (1.0, 1.0, 224),
    "b1": (1.0, 1.1, 240),
    "b2": (1.1, 1.2, 260),
    "b3": (1.2, 1.4, 300),
    "b4": (1.4, 1.8, 380),
}


def _efficientnet(size: str, **options: Any) -> Preset:
    """Cropped as the authors crop it, with 16 pixels of border on each side."""
    width_factor, depth_factor, pixels = EFFICIENTNETS[size]
    preprocessing = Preprocessing(
        size=pixels, interpolation="bicubic", crop=pixels / (pixels + 32), crop_first=True
    )
    scale = dict(width_factor=width_factor, depth_factor=depth_factor)
    return Preset("efficientnet", EfficientNet, preprocessing, {**scale, **options})


# Table 2 of Wu et al. 2021; the heads are those of the authors' configs. W24 is published at 384 only.
CVTS: dict[str, tuple[Preprocessing, dict[str, Any]]] = {
    "13": (MICROSOFT, dict(depths=(1, 2, 10), widths=(64, 192, 384), heads=(1, 3, 6))),
    "21": (MICROSOFT, dict(depths=(1, 4, 16), widths=(64, 192, 384), heads=(1, 3, 6))),
    "_w24": (MICROSOFT_384, dict(depths=(2, 2, 20), widths=(192, 768, 1024), heads=(3, 12, 16))),
}

# Table 4 of Mehta and Rastegari 2022.
MOBILEVITS: dict[str, dict[str, Any]] = {
    "xxs": dict(channels=(16, 24, 48, 64, 80), widths=(64, 80, 96), last_channels=320, expansion=2),
    "xs": dict(channels=(32, 48, 64, 80, 96), widths=(96, 120, 144), last_channels=384, expansion=4),
    "s": dict(channels=(32, 64, 96, 128, 160), widths=(144, 192, 240), last_channels=640, expansion=4),
}

PRESETS: dict[str, Preset] = {
    "vit": _vit(),
    **{
        f"vit_{size}{patch}": _vit(patch=patch, **shape)
        for size, shape in VIT_SIZES.items()
        for patch in (8, 14, 16, 32)
    },
    "mobilenet_v2": _mobilenet_v2(),
    **{
        f"mobilenet_v2_{round(100 * width):03}": _mobilenet_v2(width=width)
        for width in (0.35, 0.5, 0.75, 1.3, 1.4)  # those that Keras publishes weights for
    },
    **{
        f"resnet{depth}": Preset("resnet", ResNet, TORCHVISION, shape)
        for depth, shape in RESNETS.items()
    },
    **{
        f"resnet{depth}_v2": Preset("resnet_v2", ResNetV2, KERAS, dict(depths=RESNETS[depth]["depths"]))
        for depth in (50, 101, 152)
    },
    **{
        f"vgg{depth}{suffix}": Preset(
            "vgg", VGG, TORCHVISION, dict(depths=depths, normalised=bool(suffix))
        )
        for depth, depths in VGGS.items()
        for suffix in ("", "_bn")
    },
    **{
        f"clip_vit_{size}": Preset("clip_vit", CLIPVisionTransformer, CLIP, shape)
        for size, shape in CLIP_VITS.items()
    },
    "clip_resnet50": Preset("clip_resnet", CLIPResNet, CLIP, CLIP_RESNET50),
    **CNNS,
    "inception_v3": Preset("inception_v3", InceptionV3, INCEPTION),
    "inception_resnet_v2": Preset("inception_resnet_v2", InceptionResNetV2, INCEPTION),
    "xception": Preset("xception", Xception, INCEPTION),
    **{f"efficientnet_{size}": _efficientnet(size) for size in EFFICIENTNETS},
    # timm's name for TensorFlow's details in timm's layout
    **{
        f"tf_efficientnet_{size}": _efficientnet(size, padding="tensorflow", epsilon=1e-3)
        for size in EFFICIENTNETS
    },
    **{
        f"cvt{size}": Preset("cvt", CvT, preprocessing, shape)
        for size, (preprocessing, shape) in CVTS.items()
    },
    **{
        f"mobilevit_{size}": Preset("mobilevit", MobileViT, TIMM_MOBILEVIT, shape)
        for size, shape in MOBILEVITS.items()
    },
}
