"""MobileNetV2: Keras's widths, timm, torchvision, Hugging Face."""

from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.catalogue.publishers import hugging_face, keras, timm, torchvision

SLIM_RESULTS = "tensorflow/models, slim/nets/mobilenet"  # Keras's files are converted from there


def _keras(
    model: str,
    width: str,
    top1: float,
    top5: float,
    mebibytes: float | None = None,
    source: str = SLIM_RESULTS,
) -> Checkpoint:
    file = f"mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_224"
    return keras(model, file, "Apache-2.0", mebibytes, top1, top5, source=source)


def _huggingface(model: str, tag: str, theirs: str, size: int, top1: float, top5: float) -> Checkpoint:
    """TF-slim's weights, with a background class before the thousand.

    The cards state the licence as "other" and name none; slim's README has it. By their
    preprocessor_config.json, the shorter side becomes 32 pixels more than the crop, at each size.
    """
    return hugging_face(
        model,
        tag,
        theirs,
        size,
        size / (size + 32),
        data="ImageNet-1k",
        licence="Apache-2.0",
        classes=1001,
        top1=top1,
        top5=top5,
        source=SLIM_RESULTS,
    )


CHECKPOINTS = (
    _keras("mobilenet_v2_035", "0.35", 60.3, 82.9),
    _keras("mobilenet_v2_050", "0.5", 65.4, 86.4),
    _keras("mobilenet_v2_075", "0.75", 69.8, 89.6),
    _keras("mobilenet_v2", "1.0", 71.3, 90.1, 14, "keras.io, applications"),
    _keras("mobilenet_v2_130", "1.3", 74.4, 92.1),
    _keras("mobilenet_v2_140", "1.4", 75.0, 92.5),
    timm("mobilenetv2_050.lamb_in1k", 224, 0.875, 65.95, 86.088, model="mobilenet_v2_050"),
    timm("mobilenetv2_100.ra_in1k", 224, 0.875, 72.976, 91.01, model="mobilenet_v2"),
    timm("mobilenetv2_140.ra_in1k", 224, 0.875, 76.52, 92.986, model="mobilenet_v2_140"),
    torchvision("mobilenet_v2", "in1k_v1", "mobilenet_v2-b0353104", 13.555, 71.878, 90.286),
    torchvision("mobilenet_v2", "in1k_v2", "mobilenet_v2-7ebf99e0", 13.598, 72.154, 90.822, resize=232),
    _huggingface("mobilenet_v2", "in1k", "google/mobilenet_v2_1.0_224", 224, 71.8, 91.0),
    _huggingface("mobilenet_v2_140", "in1k", "google/mobilenet_v2_1.4_224", 224, 75.0, 92.5),
    _huggingface("mobilenet_v2_075", "in1k_160", "google/mobilenet_v2_0.75_160", 160, 66.4, 87.3),
    _huggingface("mobilenet_v2_035", "in1k_96", "google/mobilenet_v2_0.35_96", 96, 45.5, 70.4),
)
