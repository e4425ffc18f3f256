"""The other sizes of the networks that the ordinary test run compares (see `cases`)."""

from typing import Any

from tests.parity.case import Case

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
# In training mode, rounding grows from layer to layer: after a hundred, PyTorch's own logits in float32
# are 6e-5 away from those in float64, ours 7e-5, and 12e-5 by Winograd; after nineteen that no shortcut
# passes by, ours are up to 6e-5 away from PyTorch's. That mode is left to the sisters.
_DEEP: dict[str, Any] = dict(training=False)
_EFFICIENTNET_SIZES = {1: 240, 2: 260, 3: 300, 4: 380}

# Table 2 of Wu et al. 2021, as the authors' configs and Hugging Face's have it.
_CVT_21 = dict(depth=(1, 4, 16))
_CVT_W24 = dict(embed_dim=(192, 768, 1024), num_heads=(3, 12, 16), depth=(2, 2, 20))

# Hugging Face's `get_mobilevit_config`, in its conversion script.
_MOBILEVIT_XS = dict(hidden_sizes=(96, 120, 144), neck_hidden_sizes=(16, 32, 48, 64, 80, 96, 384))
_MOBILEVIT_XXS = dict(
    hidden_sizes=(64, 80, 96), neck_hidden_sizes=(16, 16, 24, 48, 64, 80, 320), expand_ratio=2.0
)

# Table 1 of Dosovitskiy et al. 2021; B is Hugging Face's default.
_VITS: dict[str, dict[str, int]] = {
    "b": {},
    "l": dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096),
    "h": dict(hidden_size=1280, num_hidden_layers=32, num_attention_heads=16, intermediate_size=5120),
}

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
            ("s", "small", 8, 11, (224, 104)),
            ("s", "small", 16, 11, (224, 176)),
            ("s", "small", 32, 11, (224, 160)),
            ("b", "base", 8, 11, (224, 104)),
            ("b", "base", 16, 11, (224, 176)),
            ("b", "base", 32, 11, (224, 160)),
            ("l", "large", 14, 23, (224, 154)),
            ("l", "large", 16, 23, (224, 176)),
            ("l", "large", 32, 23, (224, 160)),
            ("h", "huge", 14, 31, (224, 154)),
        )
    ),
    *(
        Case(f"vit_{size}{patch}", "google", f"vit_{theirs}_patch{patch}_224", f"<blocks.{last}", sizes)
        for size, theirs, patch, last, sizes in (
            ("s", "small", 16, 11, (224, 176)),
            ("s", "small", 32, 11, (224, 160)),
            ("b", "base", 8, 11, (224, 104)),
            ("b", "base", 16, 11, (224, 176)),
            ("b", "base", 32, 11, (224, 160)),
            ("l", "large", 16, 23, (224, 176)),
            ("l", "large", 32, 23, (224, 160)),
            ("h", "huge", 14, 31, (224, 154)),
        )
    ),
    *(
        Case(f"vit_{size}", "torchvision", theirs, f"<encoder.layers.encoder_layer_{last}", sizes)
        for size, theirs, last, sizes in (
            ("b16", "vit_b_16", 11, (224, 176)),
            ("l16", "vit_l_16", 23, (224, 176)),
            ("l32", "vit_l_32", 23, (224, 160)),
            ("h14", "vit_h_14", 31, (224, 154)),
        )
    ),
    *(
        Case(
            f"vit_{size}{patch}",
            "huggingface",
            "vit",
            f"<vit.layers.{last}",
            sizes,
            theirs_options=dict(patch_size=patch, **_VITS[size]),
        )
        for size, patch, last, sizes in (
            ("b", 16, 11, (224, 176)),
            ("b", 32, 11, (224, 160)),
            ("l", 16, 23, (224, 176)),
            ("l", 32, 23, (224, 160)),
        )
    ),
    Case(
        "vit_h14",
        "huggingface",
        "vit",
        "<vit.layers.31",
        (224, 154),
        variant="pooler",
        options={"pre_logits": True},
        theirs_options=dict(patch_size=14, **_VITS["h"]),
    ),
    *(
        Case(
            f"mobilenet_v2_{width}",
            publisher,
            theirs,
            features,
            training=True,
            theirs_options={option: _WIDTHS[width]},
        )
        for publisher, theirs, option, width, features in _MOBILENETS
    ),
    *(
        Case(f"mobilenet_v2_{width}", "timm", f"mobilenetv2_{width}", "bn2", training=True)
        for width in ("035", "075", "140")
    ),
    *(
        Case(model, publisher, theirs, features, training=True)
        for model, publisher, theirs, features in (
            ("resnet34", "torchvision", "resnet34", "layer4"),
            ("resnet18", "timm", "resnet18", "layer4"),
            ("vgg16_bn", "timm", "vgg16_bn", "<features.43"),
        )
    ),
    *(
        Case(model, publisher, theirs, features, **_DEEP)
        for model, publisher, theirs, features in (
            ("vgg19_bn", "torchvision", "vgg19_bn", "<features.52"),
            ("vgg19_bn", "timm", "vgg19_bn", "<features.52"),
            ("resnet101", "torchvision", "resnet101", "layer4"),
            ("resnet152", "torchvision", "resnet152", "layer4"),
            ("resnet101", "timm", "resnet101", "layer4"),
            ("resnet152", "timm", "resnet152", "layer4"),
            ("resnet101", "keras", "ResNet101", "conv5_block3_out"),
            ("resnet152", "keras", "ResNet152", "conv5_block3_out"),
            ("resnet101_v2", "keras", "ResNet101V2", "post_relu"),
            ("resnet152_v2", "keras", "ResNet152V2", "post_relu"),
        )
    ),
    Case("vgg19", "torchvision", "vgg19", "<features.36"),
    Case("vgg19", "timm", "vgg19", "<features.36"),
    Case("vgg19", "keras", "VGG19", "block5_conv4", (224,)),
    *(
        Case(
            f"{prefix}efficientnet_b{size}",
            publisher,
            name.format(size),
            features,
            (_EFFICIENTNET_SIZES[size], 161),
            training=True,
            gain=1.6,
        )
        for prefix, publisher, name, features, sizes in (
            ("", "torchvision", "efficientnet_b{}", "features", (1, 2, 3, 4)),
            ("", "timm", "efficientnet_b{}", "bn2", (2, 3, 4)),
            ("tf_", "timm", "tf_efficientnet_b{}", "bn2", (1, 2, 3, 4)),
            ("", "keras", "EfficientNetB{}", "top_activation", (1, 2, 3, 4)),
        )
        for size in sizes
    ),
    # timm's other weights of B1 were trained on images in [-1, 1].
    Case(
        "efficientnet_b1", "timm", "efficientnet_b1.ft_in1k", "bn2", (240, 161), training=True, gain=1.6
    ),
    *(
        Case(
            model,
            publisher,
            "cvt",
            f"<cvt.encoder.stages.2.layers.{last}",
            (size, 161),
            training=size < 384,
            variant=variant,
            theirs_options=options,
        )
        for publisher in ("huggingface", "microsoft")
        for model, last, size, variant, options in (
            ("cvt13", 9, 384, "384", {}),
            ("cvt21", 15, 224, "", _CVT_21),
            ("cvt_w24", 19, 224, "", _CVT_W24),
        )
    ),
    Case("mobilevit_xs", "timm", "mobilevit_xs", "final_conv", (256, 161), training=True, gain=2.0),
    Case("mobilevit_s", "timm", "mobilevit_s", "final_conv", (256, 161), training=True, gain=2.0),
    *(
        Case(
            model,
            "huggingface",
            "mobilevit",
            "mobilevit.conv_1x1_exp",
            (256, 161),
            training=True,
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
            ("clip_vit_b16", 11, (224, 176), _CLIP_B16),
            ("clip_vit_l14", 23, (224, 154), _CLIP_L14),
        )
    ),
    *(
        Case(model, "open_clip", theirs, f"<visual.transformer.resblocks.{last}", sizes)
        for model, theirs, last, sizes in (
            ("clip_vit_b16", "ViT-B-16", 11, (224, 176)),
            ("clip_vit_l14", "ViT-L-14", 23, (224, 154)),
        )
    ),
    Case(
        "clip_vit_b32",
        "open_clip",
        "ViT-B-32-quickgelu",
        "<visual.transformer.resblocks.11",
        (224, 160),
        variant="quickgelu",
        options={"activation": "quick_gelu"},
    ),
    # The weights of an attention pooling are for one size, so this one is native.
    Case("clip_resnet50", "open_clip", "RN50", "visual.layer4", (96,), variant="96"),
    *(
        Case(model, "openai", f"{theirs}-quickgelu", f"<visual.transformer.resblocks.{last}", (224,))
        for model, theirs, last in (
            ("clip_vit_b32", "ViT-B-32", 11),
            ("clip_vit_b16", "ViT-B-16", 11),
            ("clip_vit_l14", "ViT-L-14", 23),
        )
    ),
    Case("clip_resnet50", "openai", "RN50-quickgelu", "visual.layer4", (224,)),
)
