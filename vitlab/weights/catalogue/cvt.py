"""CvT, as Microsoft publishes it on Hugging Face; the accuracies are those of microsoft/CvT's README."""

from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.catalogue.publishers import hugging_face


def _cvt(model: str, theirs: str, size: int, top1: float) -> Checkpoint:
    """Trained on ImageNet-1k alone, but for those whose name ends in 22k."""
    data, tag = "ImageNet-1k", "in1k"
    if theirs.endswith("22k"):
        data, tag = "ImageNet-22k, ImageNet-1k", "in22k_ft_in1k"
    return hugging_face(
        model,
        tag if size == 224 else f"{tag}_{size}",
        f"microsoft/{theirs}",
        size,
        0.875 if size == 224 else 1.0,
        data=data,
        licence="Apache-2.0",
        interpolation="bicubic",
        top1=top1,
        source="microsoft/CvT, README",
        scheme="imagenet",
    )


CHECKPOINTS = (
    _cvt("cvt13", "cvt-13", 224, 81.6),
    _cvt("cvt21", "cvt-21", 224, 82.5),
    _cvt("cvt13", "cvt-13-384", 384, 83.0),
    _cvt("cvt21", "cvt-21-384", 384, 83.3),
    _cvt("cvt13", "cvt-13-384-22k", 384, 83.3),
    _cvt("cvt21", "cvt-21-384-22k", 384, 84.9),
    _cvt("cvt_w24", "cvt-w24-384-22k", 384, 87.6),
)
