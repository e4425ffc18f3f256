"""Which of our networks is held against which publisher's, in which layout, at which sizes.

`CASES` has every network of the README's table with every layout that it is published in. A compilation
takes 10 to 20 s on two cores, so the ordinary test run compares one network or more of each family and
layout; `EXTRA`, the other sizes of these, are compared by `make_goldens`, and by `pytest -m extra` from
the stored logits.
"""

from typing import Any

from tests.parity.case import Case
from tests.parity.extra_cases import EXTRA

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
    Case("resnet50", "timm", "resnet50", "layer4", (91,)),
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

CASES = ORDINARY + EXTRA
