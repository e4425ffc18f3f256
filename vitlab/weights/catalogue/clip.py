"""CLIP: OpenAI's archives and their copies on Hugging Face, and what open_clip trained on open data.

From open_clip 3's `pretrained.py`, which states addresses, normalisation and which GELU. The accuracies
are zero-shot, of open_clip's docs/openclip_results.csv: the texts decide, and no head was trained.
"""

from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.catalogue.publishers import HUGGING_FACE
from vitlab.weights.preprocessing import Preprocessing

OPENAI = "https://openaipublic.azureedge.net/clip/models"
OPEN_CLIP = "https://github.com/mlfoundations/open_clip/releases/download/v0.2-weights"
PREPROCESSING = Preprocessing(224, "bicubic", 1.0, crop_first=False)
ZERO_SHOT = "open_clip, docs/openclip_results.csv, zero-shot"
OPENAI_DATA = "OpenAI's 400M pairs"


def _checkpoint(
    model: str,
    tag: str,
    publisher: str,
    address: str,
    data: str,
    top1: float,
    *,
    activation: str = "",
    scheme: str = "clip",
    mebibytes: float | None = None,
    stated_hash: str | None = None,
) -> Checkpoint:
    """`activation` is of the MLPs of both towers, where the layout does not imply it."""
    stated = {"activation": activation} if activation else {}
    return Checkpoint(
        model=model,
        tag=tag,
        publisher=publisher,
        address=address,
        licence="MIT",
        data=data,
        preprocessing=PREPROCESSING,
        options={"scheme": scheme, **(stated if model != "clip_resnet50" else {})},
        text_options=stated,
        classes=0,
        top1=top1,
        source=ZERO_SHOT,
        mebibytes=mebibytes,
        stated_hash=stated_hash,
    )


def _openai(model: str, file: str, sha256: str, mebibytes: float, top1: float) -> Checkpoint:
    """The address has the whole hash; "quick_gelu" is implied by the archive's layout. Most numbers
    take two bytes; the size is the one that OpenAI's own download counts to."""
    return _checkpoint(
        model,
        "openai",
        "OpenAI",
        f"{OPENAI}/{sha256}/{file}.pt",
        OPENAI_DATA,
        top1,
        mebibytes=mebibytes,
        stated_hash=f"sha256:{sha256}",
    )


def _huggingface(model: str, theirs: str, file: str, top1: float) -> Checkpoint:
    address = f"{HUGGING_FACE}/openai/{theirs}/resolve/main/{file}"
    return _checkpoint(model, "huggingface_openai", "OpenAI", address, OPENAI_DATA, top1)


def _laion(
    model: str, tag: str, theirs: str, data: str, top1: float, scheme: str = "clip"
) -> Checkpoint:
    address = f"{HUGGING_FACE}/laion/CLIP-{theirs}/resolve/main/open_clip_pytorch_model.bin"
    return _checkpoint(model, tag, "LAION", address, data, top1, activation="gelu", scheme=scheme)


def _open_clip(model: str, tag: str, file: str, data: str, activation: str, top1: float) -> Checkpoint:
    """The first digits of the hash end the file's name."""
    return _checkpoint(
        model,
        tag,
        "open_clip",
        f"{OPEN_CLIP}/{file}.pt",
        data,
        top1,
        activation=activation,
        stated_hash=f"sha256:{file.rpartition('-')[2]}",
    )


CHECKPOINTS = (
    _openai(
        "clip_vit_b32",
        "ViT-B-32",
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        338,
        63.32,
    ),
    _huggingface("clip_vit_b32", "clip-vit-base-patch32", "pytorch_model.bin", 63.32),
    _open_clip(
        "clip_vit_b32",
        "laion400m_e32",
        "vit_b_32-quickgelu-laion400m_e32-46683a32",
        "LAION-400M",
        "quick_gelu",
        62.93,
    ),
    _laion("clip_vit_b32", "laion2b_s34b_b79k", "ViT-B-32-laion2B-s34B-b79K", "LAION-2B", 66.56),
    _laion(
        "clip_vit_b32",
        "datacomp_xl_s13b_b90k",
        "ViT-B-32-DataComp.XL-s13B-b90K",
        "DataComp-1B",
        69.17,
    ),
    _openai(
        "clip_vit_b16",
        "ViT-B-16",
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
        335,
        68.34,
    ),
    _huggingface("clip_vit_b16", "clip-vit-base-patch16", "pytorch_model.bin", 68.34),
    _open_clip(
        "clip_vit_b16", "laion400m_e32", "vit_b_16-laion400m_e32-55e67d44", "LAION-400M", "gelu", 67.05
    ),
    _laion("clip_vit_b16", "laion2b_s34b_b88k", "ViT-B-16-laion2B-s34B-b88K", "LAION-2B", 70.23),
    _laion(
        "clip_vit_b16",
        "datacomp_xl_s13b_b90k",
        "ViT-B-16-DataComp.XL-s13B-b90K",
        "DataComp-1B",
        73.49,
    ),
    _openai(
        "clip_vit_l14",
        "ViT-L-14",
        "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
        890,
        75.54,
    ),
    _huggingface("clip_vit_l14", "clip-vit-large-patch14", "model.safetensors", 75.54),
    _open_clip(
        "clip_vit_l14", "laion400m_e32", "vit_l_14-laion400m_e32-3d133497", "LAION-400M", "gelu", 72.77
    ),
    _laion(
        "clip_vit_l14",
        "laion2b_s32b_b82k",
        "ViT-L-14-laion2B-s32B-b82K",
        "LAION-2B",
        75.25,
        scheme="symmetric",
    ),
    _laion(
        "clip_vit_l14",
        "datacomp_xl_s13b_b90k",
        "ViT-L-14-DataComp.XL-s13B-b90K",
        "DataComp-1B",
        79.21,
    ),
    _openai(
        "clip_resnet50",
        "RN50",
        "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
        244,
        59.82,
    ),
    _open_clip("clip_resnet50", "cc12m", "rn50-quickgelu-cc12m-f000538c", "CC-12M", "quick_gelu", 36.47),
    _open_clip(
        "clip_resnet50", "yfcc15m", "rn50-quickgelu-yfcc15m-455df137", "YFCC-15M", "quick_gelu", 32.75
    ),
)
