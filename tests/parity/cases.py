"""Which of our networks is held against which publisher's, in which layout, at which sizes."""

from dataclasses import dataclass

from tests.parity.recipe import Order


@dataclass(frozen=True)
class Case:
    """One network of one publisher.

    Attributes:
        model: our preset.
        publisher: whose code computes the golden logits, and in whose layout the weights are.
        theirs: the publisher's name of it.
        features: the publisher's module or layer whose output our `features` equals; "<" before it
            means its input.
        sizes: of the images: the native one and an odd one.
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
    training: bool = False
    gradients: bool = False
    gain: float = 1.0

    @property
    def name(self) -> str:
        return f"{self.model}-{self.publisher}".replace(" ", "_")

    @property
    def order(self) -> Order:
        return "out last" if self.publisher == "keras" else "out first"


CASES = (
    Case("vit_ti16", "timm", "vit_tiny_patch16_224", "<blocks.11", (224, 176), gradients=True),
    Case("vit_b32", "torchvision", "vit_b_32", "<encoder.layers.encoder_layer_11", (224, 160)),
    Case("vit_ti16", "huggingface", "vit", "<vit.layers.11", (224, 176)),
    Case("mobilenet_v2", "keras", "MobileNetV2", "out_relu", training=True),
    Case("mobilenet_v2_050", "timm", "mobilenetv2_050", "bn2", training=True),
    Case("mobilenet_v2", "torchvision", "mobilenet_v2", "features", training=True, gradients=True),
    Case("mobilenet_v2", "huggingface", "mobilenet_v2", "mobilenet_v2.conv_1x1", training=True),
    Case("resnet18", "torchvision", "resnet18", "layer4", training=True, gradients=True),
    Case("resnet50", "torchvision", "resnet50", "layer4", training=True),
    Case("resnet34", "timm", "resnet34", "layer4", training=True),
    Case("resnet50", "keras", "ResNet50", "conv5_block3_out", training=True),
    Case("resnet50_v2", "keras", "ResNet50V2", "post_relu", training=True),
    Case("vgg16", "torchvision", "vgg16", "<features.30"),
    Case("vgg16_bn", "torchvision", "vgg16_bn", "<features.43", training=True),
    Case("vgg16", "timm", "vgg16", "<features.30", (224, 161, 288)),
    Case("vgg16", "keras", "VGG16", "block5_conv3", (224,)),
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
