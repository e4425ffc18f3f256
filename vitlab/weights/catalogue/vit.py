"""Vision Transformers: Google's own files, and those of timm, torchvision and Hugging Face."""

from functools import partial
from typing import Any

from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.catalogue.publishers import (
    TIMM_RESULTS,
    google,
    hugging_face,
    timm,
    torchvision,
)

TIMM_SIZES = {"ti": "tiny", "s": "small", "b": "base", "l": "large", "h": "huge"}


def _augreg(model: str, recipe: str) -> Checkpoint:
    """Steiner et al. 2022 on ImageNet-21k at 224 pixels; of its many recipes the one timm chose."""
    return google(model, "augreg_in21k", _augreg_file(model, "in21k", recipe), 224)


def _tuned(model: str, base: str, recipe: str, rate: str, size: int, *figures: float) -> Checkpoint:
    """The same from ImageNet-21k or ImageNet-1k, tuned on ImageNet-1k at `size` pixels."""
    tag = _sized("augreg_in21k_ft_in1k" if base == "in21k" else "augreg_in1k", size)
    tuning = f"imagenet2012-steps_20k-lr_{rate}-res_{size}"
    return google(model, tag, f"{_augreg_file(model, base, recipe)}--{tuning}", size, *figures)


def _augreg_file(model: str, base: str, recipe: str) -> str:
    size, patch = _parts(model)
    data = base.replace("in", "i")
    return f"augreg/{size.capitalize()}_{patch}-{data}-300ep-lr_0.001-aug_{recipe}"


def _timm(
    model: str, tag: str, size: int, *figures: float, scheme: str = "symmetric", **others: Any
) -> Checkpoint:
    """Where Google publishes the same weights, timm's file has its publisher in its name."""
    letters, patch = _parts(model)
    theirs = f"vit_{TIMM_SIZES[letters]}_patch{patch}_{size}.{tag}"
    prefix = "timm_" if tag.startswith(("augreg_", "sam_")) else ""
    crop = 0.9 if size == 224 else 1.0
    ours = prefix + _sized(tag, size)
    return timm(theirs, size, crop, *figures, model=model, tag=ours, scheme=scheme, **others)


def _swag(model: str, tag: str, *file_and_figures: Any, size: int = 224) -> Checkpoint:
    """Singh et al. 2022: Instagram's hashtags, then all of the network or only its head tuned."""
    return torchvision(
        model,
        tag,
        *file_and_figures,
        size=size,
        resize=size,
        interpolation="bicubic",
        data="Instagram-3.6B, ImageNet-1k",
        licence="CC-BY-NC-4.0",
    )


def _sized(tag: str, size: int) -> str:
    return tag if size == 224 else f"{tag}_{size}"


def _parts(model: str) -> tuple[str, str]:
    """The letters of its size, and its patch."""
    name = model.removeprefix("vit_")
    letters = name.rstrip("0123456789")
    return letters, name.removeprefix(letters)


GOOGLE = (
    _tuned("vit_b8", "in21k", "medium1-wd_0.1-do_0.0-sd_0.0", "0.01", 224, 85.798, 97.79),
    _tuned("vit_b16", "in1k", "strong2-wd_0.1-do_0.1-sd_0.1", "0.01", 224, 79.154, 94.09),
    _tuned("vit_b16", "in21k", "medium1-wd_0.1-do_0.0-sd_0.0", "0.01", 224, 84.532, 97.292),
    _tuned("vit_b16", "in1k", "strong2-wd_0.1-do_0.1-sd_0.1", "0.01", 384, 81.102, 95.33),
    _tuned("vit_b16", "in21k", "medium1-wd_0.1-do_0.0-sd_0.0", "0.01", 384, 85.996, 98.002),
    _tuned("vit_b32", "in1k", "medium2-wd_0.1-do_0.1-sd_0.1", "0.01", 224, 74.894, 91.778),
    _tuned("vit_b32", "in21k", "medium1-wd_0.03-do_0.0-sd_0.0", "0.03", 224, 80.716, 95.566),
    _tuned("vit_b32", "in1k", "medium2-wd_0.1-do_0.1-sd_0.1", "0.01", 384, 78.752, 94.224),
    _tuned("vit_b32", "in21k", "light1-wd_0.1-do_0.0-sd_0.0", "0.03", 384, 83.35, 96.838),
    _tuned("vit_l16", "in21k", "medium1-wd_0.1-do_0.1-sd_0.1", "0.01", 224, 85.834, 97.818),
    _tuned("vit_l16", "in21k", "medium1-wd_0.1-do_0.1-sd_0.1", "0.01", 384, 87.084, 98.302),
    _tuned("vit_s16", "in1k", "medium2-wd_0.1-do_0.0-sd_0.0", "0.01", 224, 78.846, 94.288),
    _tuned("vit_s16", "in21k", "light1-wd_0.03-do_0.0-sd_0.0", "0.03", 224, 81.384, 96.136),
    _tuned("vit_s16", "in1k", "medium2-wd_0.1-do_0.0-sd_0.0", "0.01", 384, 81.116, 95.574),
    _tuned("vit_s16", "in21k", "light1-wd_0.03-do_0.0-sd_0.0", "0.03", 384, 83.802, 97.098),
    _tuned("vit_s32", "in21k", "light1-wd_0.03-do_0.0-sd_0.0", "0.03", 224, 75.994, 93.27),
    _tuned("vit_s32", "in21k", "light1-wd_0.03-do_0.0-sd_0.0", "0.03", 384, 80.486, 95.596),
    _tuned("vit_ti16", "in21k", "none-wd_0.03-do_0.0-sd_0.0", "0.03", 224, 75.454, 92.844),
    _tuned("vit_ti16", "in21k", "none-wd_0.03-do_0.0-sd_0.0", "0.03", 384, 78.424, 94.54),
    _augreg("vit_b8", "medium1-wd_0.1-do_0.0-sd_0.0"),
    _augreg("vit_b16", "medium1-wd_0.1-do_0.0-sd_0.0"),
    _augreg("vit_b32", "medium1-wd_0.03-do_0.0-sd_0.0"),
    _augreg("vit_l16", "medium1-wd_0.1-do_0.1-sd_0.1"),
    _augreg("vit_s16", "light1-wd_0.03-do_0.0-sd_0.0"),
    _augreg("vit_s32", "light1-wd_0.03-do_0.0-sd_0.0"),
    _augreg("vit_ti16", "none-wd_0.03-do_0.0-sd_0.0"),
    google("vit_b16", "sam_in1k", "sam/ViT-B_16", 224, 80.244, 94.756),
    google("vit_b32", "sam_in1k", "sam/ViT-B_32", 224, 73.694, 91.014),
)

TIMM = (
    _timm("vit_b8", "augreg2_in21k_ft_in1k", 224, 86.218, 97.832),
    _timm("vit_b8", "augreg_in21k", 224),
    _timm("vit_b8", "augreg_in21k_ft_in1k", 224, 85.798, 97.79),
    _timm("vit_b8", "dino", 224, scheme="imagenet"),
    _timm("vit_b16", "augreg2_in21k_ft_in1k", 224, 85.096, 97.53),
    _timm("vit_b16", "augreg_in1k", 224, 79.154, 94.09),
    _timm("vit_b16", "augreg_in21k", 224),
    _timm("vit_b16", "augreg_in21k_ft_in1k", 224, 84.532, 97.292),
    _timm("vit_b16", "dino", 224, scheme="imagenet"),
    _timm("vit_b16", "mae", 224, scheme="imagenet", licence="CC-BY-NC-4.0"),
    _timm("vit_b16", "orig_in21k", 224),
    _timm("vit_b16", "orig_in21k_ft_in1k", 224, 81.786, 96.124),
    _timm("vit_b16", "sam_in1k", 224, 80.244, 94.756),
    _timm("vit_b16", "augreg_in1k", 384, 81.102, 95.33),
    _timm("vit_b16", "augreg_in21k_ft_in1k", 384, 85.996, 98.002),
    _timm("vit_b16", "orig_in21k_ft_in1k", 384, 84.2, 97.22),
    _timm("vit_b32", "augreg_in1k", 224, 74.894, 91.778),
    _timm("vit_b32", "augreg_in21k", 224),
    _timm("vit_b32", "augreg_in21k_ft_in1k", 224, 80.716, 95.566),
    _timm("vit_b32", "orig_in21k", 224),
    _timm("vit_b32", "sam_in1k", 224, 73.694, 91.014),
    _timm("vit_b32", "augreg_in1k", 384, 78.752, 94.224),
    _timm("vit_b32", "augreg_in21k_ft_in1k", 384, 83.35, 96.838),
    _timm("vit_h14", "mae", 224, scheme="imagenet", licence="CC-BY-NC-4.0"),
    _timm("vit_h14", "orig_in21k", 224),
    _timm("vit_l16", "augreg_in21k", 224),
    _timm("vit_l16", "augreg_in21k_ft_in1k", 224, 85.834, 97.818),
    _timm("vit_l16", "mae", 224, scheme="imagenet", licence="CC-BY-NC-4.0"),
    _timm("vit_l16", "orig_in21k", 224),
    _timm("vit_l16", "augreg_in21k_ft_in1k", 384, 87.084, 98.302),
    _timm("vit_l32", "orig_in21k", 224),
    _timm("vit_l32", "orig_in21k_ft_in1k", 384, 81.51, 96.09),
    _timm("vit_s8", "dino", 224, scheme="imagenet"),
    _timm("vit_s16", "augreg_in1k", 224, 78.846, 94.288),
    _timm("vit_s16", "augreg_in21k", 224),
    _timm("vit_s16", "augreg_in21k_ft_in1k", 224, 81.384, 96.136),
    _timm("vit_s16", "dino", 224, scheme="imagenet"),
    _timm("vit_s16", "augreg_in1k", 384, 81.116, 95.574),
    _timm("vit_s16", "augreg_in21k_ft_in1k", 384, 83.802, 97.098),
    _timm("vit_s32", "augreg_in21k", 224),
    _timm("vit_s32", "augreg_in21k_ft_in1k", 224, 75.994, 93.27),
    _timm("vit_s32", "augreg_in21k_ft_in1k", 384, 80.486, 95.596),
    _timm("vit_ti16", "augreg_in21k", 224),
    _timm("vit_ti16", "augreg_in21k_ft_in1k", 224, 75.454, 92.844),
    _timm("vit_ti16", "augreg_in21k_ft_in1k", 384, 78.424, 94.54),
)

TORCHVISION = (
    torchvision("vit_b16", "in1k_v1", "vit_b_16-c867db91", 330.285, 81.072, 95.318),
    _swag("vit_b16", "swag_ft_in1k_384", "vit_b_16_swag-9ac1b537", 331.398, 85.304, 97.65, size=384),
    _swag("vit_b16", "swag_linear_in1k", "vit_b_16_lc_swag-4e70ced5", 330.285, 81.886, 96.18),
    torchvision("vit_b32", "in1k_v1", "vit_b_32-d86f8d99", 336.604, 75.912, 92.466),
    torchvision("vit_l16", "in1k_v1", "vit_l_16-852ce7e3", 1161.023, 79.662, 94.638, resize=242),
    _swag("vit_l16", "swag_ft_in1k_512", "vit_l_16_swag-4f3808c9", 1164.258, 88.064, 98.512, size=512),
    _swag("vit_l16", "swag_linear_in1k", "vit_l_16_lc_swag-4d563306", 1161.023, 85.146, 97.422),
    torchvision("vit_l32", "in1k_v1", "vit_l_32-c7638314", 1169.449, 76.972, 93.07),
    _swag("vit_h14", "swag_ft_in1k_518", "vit_h_14_swag-80465313", 2416.643, 88.552, 98.694, size=518),
    _swag("vit_h14", "swag_linear_in1k", "vit_h_14_lc_swag-c1eb923e", 2411.209, 85.708, 97.73),
)

# The weights of Dosovitskiy et al. 2021, whose images were squashed, not cropped. Where timm keeps them
# too (as orig_in21k_ft_in1k), the figures are timm's, with its own preprocessing.
_original = partial(hugging_face, crop=1.0, data="ImageNet-21k, ImageNet-1k", licence="Apache-2.0")
_measured = partial(_original, source=TIMM_RESULTS)

HUGGING_FACE = (
    _measured(
        "vit_b16",
        "in21k_ft_in1k",
        "google/vit-base-patch16-224",
        224,
        file="model.safetensors",
        top1=81.786,
        top5=96.124,
    ),
    _measured("vit_b16", "in21k_ft_in1k_384", "google/vit-base-patch16-384", 384, top1=84.2, top5=97.22),
    _original("vit_b32", "in21k_ft_in1k_384", "google/vit-base-patch32-384", 384),
    _original("vit_l16", "in21k_ft_in1k", "google/vit-large-patch16-224", 224),
    _original("vit_l16", "in21k_ft_in1k_384", "google/vit-large-patch16-384", 384),
    _measured(
        "vit_l32", "in21k_ft_in1k_384", "google/vit-large-patch32-384", 384, top1=81.51, top5=96.09
    ),
)

CHECKPOINTS = (*GOOGLE, *TIMM, *TORCHVISION, *HUGGING_FACE)
