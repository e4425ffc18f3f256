"""Which of our networks is held against which publisher's, in which layout, at which sizes.

`CASES` has every network of the README's table with every layout that it is published in. A compilation
takes 10 to 20 s on two cores, so the ordinary test run compares one network or more of each family and
layout; `EXTRA`, the other sizes of these, are compared by `make_goldens`, and by `pytest -m extra` from
the stored logits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.parity.recipe import Order, Shapes, Tensors, draw_tensors


@dataclass(frozen=True)
class Case:
    """One network of one publisher.

    Attributes:
        model: our preset.
        publisher: whose code computes the golden logits, and in whose layout the weights are.
        theirs: the publisher's name of it.
        features: the publisher's module or layer whose output our `features` equals; "<" before it
            means its input.
        variant: tells apart what model and publisher do not; part of the name.
        options: of our network, beside those that its preset and the layout bring.
        theirs_options: of the publisher's.
        has_top: the weights have a head; without one, the embedding takes the place of the logits.
        sizes: of the images: the native one, which the weights are for, and others.
        gain: of the random kernels (see `recipe`).
        training: compare the logits by the batch's own statistics too.
        gradients: compare the gradients of the loss, by the images and by every parameter, too. They
            need float64, which Keras's batch normalisation rounds to float32.
    """

    model: str
    publisher: str
    theirs: str
    features: str
    sizes: tuple[int, ...] = (224, 161)
    variant: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    theirs_options: Mapping[str, Any] = field(default_factory=dict)
    has_top: bool = True
    training: bool = False
    gradients: bool = False
    gain: float = 1.0

    @property
    def name(self) -> str:
        return "-".join(part for part in (self.model, self.publisher, self.variant) if part)

    @property
    def order(self) -> Order:
        return "out last" if self.publisher in ("keras", "google") else "out first"

    def draw(self, shapes: Shapes, seed: int) -> Tensors:
        """Random weights by the recipe; those of OpenAI, who publishes halves, are exact in float16."""
        tensors = draw_tensors(shapes, seed, self.order, self.gain)
        if self.publisher != "openai":
            return tensors
        return {name: tensor.astype(np.float16).astype(np.float32) for name, tensor in tensors.items()}


_TI: dict[str, Any] = dict(hidden_size=192, num_attention_heads=3, intermediate_size=768)

ORDINARY = (
    Case("vit_ti16", "timm", "vit_tiny_patch16_224", "<blocks.11", (224, 176), gradients=True),
    Case("vit_b32", "torchvision", "vit_b_32", "<encoder.layers.encoder_layer_11", (224, 160)),
    Case("vit_ti16", "huggingface", "vit", "<vit.layers.11", (224, 176), theirs_options=_TI),
    Case(
        "vit_ti16",
        "huggingface",
        "vit",
        "<vit.layers.11",
        (64, 96),
        variant="pooler",
        options={"pre_logits": True},
        theirs_options=_TI,
    ),
    Case("vit_ti16", "google", "vit_tiny_patch16_224", "<blocks.11", (224, 176)),
    Case(
        "vit_ti16",
        "google",
        "vit_tiny_patch16_224",
        "<blocks.11",
        (64, 96),
        variant="pre_logits",
        options={"pre_logits": True},
    ),
    Case(
        "vit_ti16",
        "timm",
        "vit_tiny_patch16_224",
        "<blocks.11",
        (64, 96),
        variant="average",
        theirs_options={"class_token": False, "global_pool": "avg"},
    ),
    Case(
        "vit_ti16",
        "timm",
        "vit_tiny_patch16_224",
        "<blocks.11",
        (64, 96),
        variant="average_of_normalised",
        options={"pooling": "average"},
        theirs_options={"class_token": False, "global_pool": "avg", "fc_norm": False},
    ),
    Case("mobilenet_v2", "keras", "MobileNetV2", "out_relu", training=True),
    Case("mobilenet_v2_050", "timm", "mobilenetv2_050", "bn2", training=True),
    Case("mobilenet_v2", "torchvision", "mobilenet_v2", "features", training=True, gradients=True),
    Case("mobilenet_v2", "huggingface", "mobilenet_v2", "mobilenet_v2.conv_1x1", training=True),
    Case("resnet18", "torchvision", "resnet18", "layer4", training=True, gradients=True),
    Case("resnet50", "torchvision", "resnet50", "layer4", training=True),
    Case("resnet34", "timm", "resnet34", "layer4", training=True),
    Case("resnet50", "timm", "resnet50", "layer4", (91,), training=True),
    Case("resnet50", "keras", "ResNet50", "conv5_block3_out", training=True),
    Case("resnet50_v2", "keras", "ResNet50V2", "post_relu", training=True),
    Case("vgg16", "torchvision", "vgg16", "<features.30"),
    Case("vgg16_bn", "torchvision", "vgg16_bn", "<features.43", training=True),
    Case("vgg16", "timm", "vgg16", "<features.30", (224, 161, 288)),
    Case("vgg16", "keras", "VGG16", "block5_conv3", (224,)),
    Case(
        "vgg16",
        "keras",
        "VGG16",
        "block5_conv3",
        (91,),
        variant="without_top",
        options={"top": "average"},
        has_top=False,
    ),
    Case("clip_vit_b32", "huggingface", "clip", "<vision_model.encoder.layers.11", (224, 160)),
    Case("clip_vit_b32", "open_clip", "ViT-B-32", "<visual.transformer.resblocks.11", (224, 160)),
    Case("clip_resnet50", "open_clip", "RN50", "visual.layer4", (224,), training=True),
    *(
        Case("inception_v3", publisher, theirs, features, (299, 235), training=True, gain=2.0)
        for publisher, theirs, features in (
            ("torchvision", "inception_v3", "Mixed_7c"),
            ("timm", "inception_v3", "Mixed_7c"),
            ("keras", "InceptionV3", "mixed10"),
        )
    ),
    *(
        Case("inception_resnet_v2", publisher, theirs, features, (299, 171), training=True, gain=2.0)
        for publisher, theirs, features in (
            ("timm", "inception_resnet_v2", "conv2d_7b"),
            ("keras", "InceptionResNetV2", "conv_7b_ac"),
        )
    ),
    Case("xception", "timm", "legacy_xception", "act4", (299, 171), training=True),
    Case("xception", "keras", "Xception", "block14_sepconv2_act", (299, 171), training=True),
    *(
        Case(model, publisher, theirs, features, training=True, gain=1.8)
        for model, publisher, theirs, features in (
            ("efficientnet_b0", "torchvision", "efficientnet_b0", "features"),
            ("efficientnet_b0", "timm", "efficientnet_b0", "bn2"),
            ("tf_efficientnet_b0", "timm", "tf_efficientnet_b0", "bn2"),
            ("efficientnet_b0", "keras", "EfficientNetB0", "top_activation"),
        )
    ),
    Case("cvt13", "huggingface", "cvt", "<cvt.encoder.stages.2.layers.9", training=True, gradients=True),
    Case("cvt13", "microsoft", "cvt", "<cvt.encoder.stages.2.layers.9", training=True),
    Case("mobilevit_xxs", "timm", "mobilevit_xxs", "final_conv", (256, 161), training=True, gain=2.0),
    Case(
        "mobilevit_s",
        "huggingface",
        "mobilevit",
        "mobilevit.conv_1x1_exp",
        (256, 161),
        training=True,
        gain=2.0,
        gradients=True,
    ),
)

# Publishers' names of a MobileNetV2 of other widths.
_WIDTHS = {"035": 0.35, "050": 0.5, "075": 0.75, "130": 1.3, "140": 1.4}
_MOBILENETS = (
    *(("keras", "MobileNetV2", "alpha", width, "out_relu") for width in _WIDTHS),
    *(
        ("huggingface", "mobilenet_v2", "depth_multiplier", width, "mobilenet_v2.conv_1x1")
        for width in ("035", "075", "140")
    ),
    *(("torchvision", "mobilenet_v2", "width_mult", width, "features") for width in ("035", "130")),
)
_SMALL: dict[str, Any] = dict(
    sizes=(91,), training=True
)  # for networks whose sisters are compared at their native size

# Table 2 of Wu et al. 2021, as the authors' configs and Hugging Face's have it.
_CVT_21 = dict(depth=(1, 4, 16))
_CVT_W24 = dict(embed_dim=(192, 768, 1024), num_heads=(3, 12, 16), depth=(2, 2, 20))

# Hugging Face's `get_mobilevit_config`, in its conversion script.
_MOBILEVIT_XS = dict(hidden_sizes=(96, 120, 144), neck_hidden_sizes=(16, 32, 48, 64, 80, 96, 384))
_MOBILEVIT_XXS = dict(
    hidden_sizes=(64, 80, 96), neck_hidden_sizes=(16, 16, 24, 48, 64, 80, 320), expand_ratio=2.0
)

# The configs of OpenAI's networks at Hugging Face; ViT-B/32 is its default.
_CLIP_B16 = dict(vision_config=dict(patch_size=16))
_CLIP_L14 = dict(
    vision_config=dict(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        patch_size=14,
    ),
    text_config=dict(hidden_size=768, num_attention_heads=12, intermediate_size=3072),
    projection_dim=768,
)

EXTRA = (
    *(
        Case(f"vit_{size}{patch}", "timm", f"vit_{theirs}_patch{patch}_224", f"<blocks.{last}", sizes)
        for size, theirs, patch, last, sizes in (
            ("s", "small", 8, 11, (64, 96)),
            ("s", "small", 16, 11, (64, 96)),
            ("s", "small", 32, 11, (64, 96)),
            ("b", "base", 8, 11, (64, 96)),
            ("b", "base", 16, 11, (64, 96)),
            ("l", "large", 14, 23, (56, 84)),
            ("l", "large", 16, 23, (64, 96)),
            ("l", "large", 32, 23, (64, 96)),
            ("h", "huge", 14, 31, (56, 84)),
        )
    ),
    *(
        Case(f"vit_{size}{patch}", "google", f"vit_{theirs}_patch{patch}_224", f"<blocks.{last}", sizes)
        for size, theirs, patch, last, sizes in (
            ("s", "small", 32, 11, (64, 96)),
            ("b", "base", 8, 11, (64, 96)),
            ("b", "base", 16, 11, (96, 64)),
            ("l", "large", 16, 23, (64, 96)),
            ("h", "huge", 14, 31, (56, 84)),
        )
    ),
    *(
        Case(f"vit_{size}", "torchvision", theirs, f"<encoder.layers.encoder_layer_{last}", sizes)
        for size, theirs, last, sizes in (
            ("b16", "vit_b_16", 11, (64, 96)),
            ("l16", "vit_l_16", 23, (64, 96)),
            ("l32", "vit_l_32", 23, (64, 96)),
            ("h14", "vit_h_14", 31, (56, 84)),
        )
    ),
    Case(
        "vit_h14",
        "huggingface",
        "vit",
        "<vit.layers.31",
        (56, 84),
        variant="pooler",
        options={"pre_logits": True},
        theirs_options=dict(
            hidden_size=1280,
            num_hidden_layers=32,
            num_attention_heads=16,
            intermediate_size=5120,
            patch_size=14,
        ),
    ),
    *(
        Case(
            f"mobilenet_v2_{width}",
            publisher,
            theirs,
            features,
            **_SMALL,
            theirs_options={option: _WIDTHS[width]},
        )
        for publisher, theirs, option, width, features in _MOBILENETS
    ),
    *(
        Case(f"mobilenet_v2_{width}", "timm", f"mobilenetv2_{width}", "bn2", **_SMALL)
        for width in ("035", "075", "140")
    ),
    *(
        Case(model, publisher, theirs, features, **_SMALL)
        for model, publisher, theirs, features in (
            ("resnet34", "torchvision", "resnet34", "layer4"),
            ("resnet101", "torchvision", "resnet101", "layer4"),
            ("resnet152", "torchvision", "resnet152", "layer4"),
            ("resnet18", "timm", "resnet18", "layer4"),
            ("resnet101", "timm", "resnet101", "layer4"),
            ("resnet152", "timm", "resnet152", "layer4"),
            ("resnet101", "keras", "ResNet101", "conv5_block3_out"),
            ("resnet152", "keras", "ResNet152", "conv5_block3_out"),
            ("resnet101_v2", "keras", "ResNet101V2", "post_relu"),
            ("resnet152_v2", "keras", "ResNet152V2", "post_relu"),
            ("vgg19_bn", "torchvision", "vgg19_bn", "<features.52"),
            ("vgg16_bn", "timm", "vgg16_bn", "<features.43"),
            ("vgg19_bn", "timm", "vgg19_bn", "<features.52"),
        )
    ),
    Case("vgg19", "torchvision", "vgg19", "<features.36", (91,)),
    Case("vgg19", "timm", "vgg19", "<features.36", (91,)),
    Case("vgg19", "keras", "VGG19", "block5_conv4", (224,)),
    *(
        Case(f"{prefix}efficientnet_b{size}", publisher, name.format(size), features, **_SMALL, gain=1.8)
        for prefix, publisher, name, features in (
            ("", "torchvision", "efficientnet_b{}", "features"),
            ("", "timm", "efficientnet_b{}", "bn2"),
            ("tf_", "timm", "tf_efficientnet_b{}", "bn2"),
            ("", "keras", "EfficientNetB{}", "top_activation"),
        )
        for size in (1, 2, 3, 4)
    ),
    *(
        Case(
            model,
            publisher,
            "cvt",
            f"<cvt.encoder.stages.2.layers.{last}",
            (size,),
            training=size < 384,
            variant=variant,
            theirs_options=options,
        )
        for publisher in ("huggingface", "microsoft")
        for model, last, size, variant, options in (
            ("cvt13", 9, 384, "384", {}),
            ("cvt21", 15, 91, "", _CVT_21),
            ("cvt_w24", 19, 91, "", _CVT_W24),
        )
    ),
    Case("mobilevit_xs", "timm", "mobilevit_xs", "final_conv", **_SMALL, gain=2.0),
    Case("mobilevit_s", "timm", "mobilevit_s", "final_conv", **_SMALL, gain=2.0),
    *(
        Case(
            model,
            "huggingface",
            "mobilevit",
            "mobilevit.conv_1x1_exp",
            **_SMALL,
            gain=2.0,
            theirs_options=options,
        )
        for model, options in (("mobilevit_xxs", _MOBILEVIT_XXS), ("mobilevit_xs", _MOBILEVIT_XS))
    ),
    *(
        Case(
            model,
            "huggingface",
            "clip",
            f"<vision_model.encoder.layers.{last}",
            sizes,
            theirs_options=options,
        )
        for model, last, sizes, options in (
            ("clip_vit_b16", 11, (64, 96), _CLIP_B16),
            ("clip_vit_l14", 23, (56, 84), _CLIP_L14),
        )
    ),
    *(
        Case(model, "open_clip", theirs, f"<visual.transformer.resblocks.{last}", sizes)
        for model, theirs, last, sizes in (
            ("clip_vit_b16", "ViT-B-16", 11, (64, 96)),
            ("clip_vit_l14", "ViT-L-14", 23, (56, 84)),
        )
    ),
    Case(
        "clip_vit_b32",
        "open_clip",
        "ViT-B-32-quickgelu",
        "<visual.transformer.resblocks.11",
        (64, 96),
        variant="quickgelu",
        options={"activation": "quick_gelu"},
    ),
    # The weights of an attention pooling are for one size, so this one is native.
    Case("clip_resnet50", "open_clip", "RN50", "visual.layer4", (96,), variant="96", training=True),
    Case("clip_vit_b32", "openai", "ViT-B-32-quickgelu", "<visual.transformer.resblocks.11", (224,)),
    Case("clip_resnet50", "openai", "RN50-quickgelu", "visual.layer4", (224,)),
)

CASES = ORDINARY + EXTRA
