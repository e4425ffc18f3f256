"""How each publisher names, keeps and describes its files; the families' tables hold the rest.

The facts are from torchvision 0.29 (its weights' enums), timm 1.0.31 (its pretrained configs), Keras
3.15 (the sources of its applications) and the model cards on Hugging Face. timm's figures are from its
results-imagenet.csv, which measures the files of others too. The licences of Keras's weights are those
that its documentation gives under "License" for each application.
"""

import re
from typing import Any

from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.preprocessing import Interpolation, Preprocessing

GOOGLE = "https://storage.googleapis.com/vit_models"
KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
HUGGING_FACE = "https://huggingface.co"
TORCHVISION = "https://download.pytorch.org/models"

IN1K = "ImageNet-1k"
TIMM_RESULTS = "timm, results-imagenet.csv"
KERAS_RESULTS = "keras.io, applications"

# Outputs of a head that was trained on all of ImageNet-21k.
IN21K_CLASSES = 21_843

# What the tags of timm and Google say about the training, the first that ends a tag.
DATA = {
    "in21k_ft_in1k": f"ImageNet-21k, {IN1K}",
    "fb_swsl_ig1b_ft_in1k": f"Instagram-1B, {IN1K}",
    "fb_ssl_yfcc100m_ft_in1k": f"YFCC-100M, {IN1K}",
    "ns_jft_in1k": f"{IN1K}, JFT-300M",
    "in21k": "ImageNet-21k",
    "in1k": IN1K,
    "dino": f"{IN1K} unlabelled",
    "mae": f"{IN1K} unlabelled",
}


def timm(
    theirs: str,
    size: int,
    crop: float,
    top1: float | None = None,
    top5: float | None = None,
    *,
    model: str = "",
    tag: str = "",
    scheme: str = "imagenet",
    interpolation: Interpolation = "bicubic",
    licence: str = "Apache-2.0",
    source: str = TIMM_RESULTS,
    **options: Any,
) -> Checkpoint:
    """`theirs` is timm's name, `resnet50.a1_in1k`; size and crop are those of its test."""
    their_model, _, their_tag = theirs.partition(".")
    return Checkpoint(
        model=model or their_model,
        tag=tag or their_tag,
        publisher="timm",
        address=f"{HUGGING_FACE}/timm/{theirs}/resolve/main/model.safetensors",
        licence=licence,
        data=_data(their_tag),
        preprocessing=Preprocessing(size, interpolation, crop, crop_first=False),
        options={"scheme": scheme, **options},
        classes=_classes(their_tag),
        top1=top1,
        top5=top5,
        source=source if top1 else None,
    )


def google(
    model: str, tag: str, file: str, size: int, top1: float | None = None, top5: float | None = None
) -> Checkpoint:
    """A Vision Transformer in `.npz`; timm measured these same weights with its own preprocessing."""
    return Checkpoint(
        model=model,
        tag=tag,
        publisher="google",
        address=f"{GOOGLE}/{file}.npz",
        licence="Apache-2.0",
        data=_data(tag),
        preprocessing=Preprocessing(size, "bicubic", 0.9 if size == 224 else 1.0, crop_first=False),
        options={"scheme": "symmetric"},
        classes=_classes(tag),
        top1=top1,
        top5=top5,
        source=TIMM_RESULTS if top1 else None,
    )


def torchvision(
    model: str,
    tag: str,
    file: str,
    mebibytes: float,
    top1: float,
    top5: float,
    *,
    size: int = 224,
    resize: int = 256,
    interpolation: Interpolation = "bilinear",
    data: str = IN1K,
    licence: str | None = "BSD-3-Clause",
    **options: Any,
) -> Checkpoint:
    """The first eight digits of the file's SHA-256 end its name. The licence is the library's, where
    the enum states none."""
    return Checkpoint(
        model=model,
        tag=f"torchvision_{tag}",
        publisher="torchvision",
        address=f"{TORCHVISION}/{file}.pth",
        licence=licence,
        data=data,
        preprocessing=Preprocessing(size, interpolation, size / resize, crop_first=False),
        options={"scheme": "imagenet", **options},
        top1=top1,
        top5=top5,
        source="torchvision",
        mebibytes=mebibytes,
        stated_hash=f"sha256:{file.rpartition('-')[2]}",
    )


def keras(
    model: str,
    file: str,
    licence: str,
    mebibytes: float | None,
    top1: float | None,
    top5: float | None,
    *,
    md5: str | None = None,
    size: int = 224,
    scheme: str = "symmetric",
    interpolation: Interpolation = "bilinear",
    crop: float = 0.875,
    folder: str = KERAS,
    source: str = KERAS_RESULTS,
) -> Checkpoint:
    return Checkpoint(
        model=model,
        tag="keras_in1k",
        publisher="keras",
        address=f"{folder}/{file}.h5",
        licence=licence,
        data=IN1K,
        preprocessing=Preprocessing(size, interpolation, crop, crop_first=True),
        options={"scheme": scheme},
        top1=top1,
        top5=top5,
        source=source,
        mebibytes=mebibytes,
        stated_hash=f"md5:{md5}" if md5 else None,
    )


def hugging_face(
    model: str,
    tag: str,
    theirs: str,
    size: int,
    crop: float,
    *,
    data: str,
    licence: str | None,
    file: str = "pytorch_model.bin",
    interpolation: Interpolation = "bilinear",
    scheme: str = "symmetric",
    classes: int = 1000,
    top1: float | None = None,
    top5: float | None = None,
    source: str | None = None,
    **options: Any,
) -> Checkpoint:
    """A file in the layout of Hugging Face's transformers; `theirs` is owner and repository."""
    return Checkpoint(
        model=model,
        tag=f"huggingface_{tag}",
        publisher=theirs.partition("/")[0],
        address=f"{HUGGING_FACE}/{theirs}/resolve/main/{file}",
        licence=licence,
        data=data,
        preprocessing=Preprocessing(size, interpolation, crop, crop_first=False),
        options={"scheme": scheme, **options},
        classes=classes,
        top1=top1,
        top5=top5,
        source=source,
    )


def _classes(tag: str) -> int:
    """Of timm's files, those of 2021 of ImageNet-21k, and what learned without labels, have no head."""
    if tag == "augreg_in21k":
        return IN21K_CLASSES
    return 0 if tag in ("orig_in21k", "dino", "mae") else 1000


def _data(tag: str) -> str:
    training = re.sub(r"_\d+$", "", tag)  # of the input size
    return next(data for ending, data in DATA.items() if training.endswith(ending))
