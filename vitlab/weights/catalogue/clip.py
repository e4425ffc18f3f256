"""CLIP: OpenAI's archives and their copies on Hugging Face, and what open_clip trained on open data.

From open_clip 3's `pretrained.py`, which states addresses, normalisation and which GELU.
"""

from typing import Any

from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.catalogue.publishers import HUGGING_FACE
from vitlab.weights.preprocessing import Preprocessing

OPENAI = "https://openaipublic.azureedge.net/clip/models"
OPEN_CLIP = "https://github.com/mlfoundations/open_clip/releases/download/v0.2-weights"
PREPROCESSING = Preprocessing(224, "bicubic", 1.0, crop_first=False)


def _checkpoint(
    model: str, tag: str, publisher: str, address: str, data: str, **more: Any
) -> Checkpoint:
    return Checkpoint(model, tag, publisher, address, "MIT", data, PREPROCESSING, **more)


def _openai(model: str, file: str, sha256: str) -> Checkpoint:
    """The address has the whole hash; "quick_gelu" is implied by the archive's layout."""
    address = f"{OPENAI}/{sha256}/{file}.pt"
    data = "OpenAI's 400M pairs"
    return _checkpoint(model, "openai", "OpenAI", address, data, stated_hash=f"sha256:{sha256}")


def _huggingface(model: str, theirs: str) -> Checkpoint:
    address = f"{HUGGING_FACE}/openai/{theirs}/resolve/main/model.safetensors"
    return _checkpoint(model, "huggingface_openai", "OpenAI", address, "OpenAI's 400M pairs")


def _laion(model: str, tag: str, theirs: str, data: str, **options: str) -> Checkpoint:
    address = f"{HUGGING_FACE}/laion/CLIP-{theirs}/resolve/main/open_clip_model.safetensors"
    return _checkpoint(model, tag, "LAION", address, data, options={"activation": "gelu", **options})


def _open_clip(model: str, file: str, activation: str) -> Checkpoint:
    """The first digits of the hash end the file's name."""
    return _checkpoint(
        model,
        "laion400m_e32",
        "open_clip",
        f"{OPEN_CLIP}/{file}.pt",
        "LAION-400M",
        options={"activation": activation},
        stated_hash=f"sha256:{file.rpartition('-')[2]}",
    )


CHECKPOINTS = (
    _openai(
        "clip_vit_b32",
        "ViT-B-32",
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    ),
    _huggingface("clip_vit_b32", "clip-vit-base-patch32"),
    _open_clip("clip_vit_b32", "vit_b_32-quickgelu-laion400m_e32-46683a32", "quick_gelu"),
    _laion("clip_vit_b32", "laion2b_s34b_b79k", "ViT-B-32-laion2B-s34B-b79K", "LAION-2B"),
    _laion("clip_vit_b32", "datacomp_xl_s13b_b90k", "ViT-B-32-DataComp.XL-s13B-b90K", "DataComp-1B"),
    _openai(
        "clip_vit_b16",
        "ViT-B-16",
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
    ),
    _huggingface("clip_vit_b16", "clip-vit-base-patch16"),
    _open_clip("clip_vit_b16", "vit_b_16-laion400m_e32-55e67d44", "gelu"),
    _laion("clip_vit_b16", "laion2b_s34b_b88k", "ViT-B-16-laion2B-s34B-b88K", "LAION-2B"),
    _laion("clip_vit_b16", "datacomp_xl_s13b_b90k", "ViT-B-16-DataComp.XL-s13B-b90K", "DataComp-1B"),
    _openai(
        "clip_vit_l14",
        "ViT-L-14",
        "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    ),
    _huggingface("clip_vit_l14", "clip-vit-large-patch14"),
    _open_clip("clip_vit_l14", "vit_l_14-laion400m_e32-3d133497", "gelu"),
    _laion(
        "clip_vit_l14",
        "laion2b_s32b_b82k",
        "ViT-L-14-laion2B-s32B-b82K",
        "LAION-2B",
        scheme="symmetric",
    ),
    _laion("clip_vit_l14", "datacomp_xl_s13b_b90k", "ViT-L-14-DataComp.XL-s13B-b90K", "DataComp-1B"),
    _openai(
        "clip_resnet50",
        "RN50",
        "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    ),
)
