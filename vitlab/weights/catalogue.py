"""Checkpoints known by name, and where their publishers keep them."""

from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from vitlab import runtime
from vitlab.errors import InputError
from vitlab.names import unknown
from vitlab.progress import say
from vitlab.weights.readers import READERS

GOOGLE = "https://storage.googleapis.com/vit_models/augreg"
KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2"


@dataclass(frozen=True)
class Checkpoint:
    """A published file: the preset that it fits, where it lies, under which licence."""

    model: str
    address: str
    licence: str = "Apache-2.0"


def _augreg(model: str, recipe: str, rate: str) -> Checkpoint:
    """Steiner et al. 2022, ImageNet-21k then ImageNet-1k at 224 pixels; as timm chose among them."""
    size, patch = model.removeprefix("vit_").rstrip("0123456789").capitalize(), model[-2:]
    tuning = f"imagenet2012-steps_20k-lr_{rate}-res_224"
    return Checkpoint(model, f"{GOOGLE}/{size}_{patch}-i21k-300ep-lr_0.001-{recipe}--{tuning}.npz")


def _keras(model: str, width: str) -> Checkpoint:
    """MobileNetV2 of Keras applications, ImageNet-1k at 224 pixels."""
    file = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_224.h5"
    return Checkpoint(model, f"{KERAS}/{file}")


CATALOGUE: dict[str, Checkpoint] = {
    f"{checkpoint.model}.augreg_in21k_ft_in1k": checkpoint
    for checkpoint in (
        _augreg("vit_ti16", "aug_none-wd_0.03-do_0.0-sd_0.0", "0.03"),
        _augreg("vit_s32", "aug_light1-wd_0.03-do_0.0-sd_0.0", "0.03"),
        _augreg("vit_s16", "aug_light1-wd_0.03-do_0.0-sd_0.0", "0.03"),
        _augreg("vit_b32", "aug_medium1-wd_0.03-do_0.0-sd_0.0", "0.03"),
        _augreg("vit_b16", "aug_medium1-wd_0.1-do_0.0-sd_0.0", "0.01"),
        _augreg("vit_l16", "aug_medium1-wd_0.1-do_0.1-sd_0.1", "0.01"),
    )
} | {
    f"{checkpoint.model}.keras_in1k": checkpoint
    for checkpoint in (
        _keras("mobilenet_v2_035", "0.35"),
        _keras("mobilenet_v2_050", "0.5"),
        _keras("mobilenet_v2_075", "0.75"),
        _keras("mobilenet_v2", "1.0"),
        _keras("mobilenet_v2_130", "1.3"),
        _keras("mobilenet_v2_140", "1.4"),
    )
}


def locate(weights: str) -> Path:
    """The file that `weights` (a path, a folder of a trained model, or a name) stands for.

    A name is downloaded once, whole or not at all.

    Raises:
        InputError: there is no such file or name, or the download failed.
    """
    path = Path(weights)
    if path.is_dir():
        path = path / "weights.safetensors"
    if path.is_file():
        return path
    if weights in CATALOGUE:
        return _download(CATALOGUE[weights])
    if path.suffix.lower() in READERS or path.parent != Path("."):
        raise InputError(f"there is no file {path} (model.weights)")
    raise InputError(unknown("weights", weights, CATALOGUE, "model.weights"))


def _download(checkpoint: Checkpoint) -> Path:
    folder = runtime.cache_folder("weights")
    name = checkpoint.address.rpartition("/")[2]
    if not (folder / name).exists():
        say(f"weights  downloading {checkpoint.address}")
    try:
        pooch.get_logger().setLevel("ERROR")
        pooch.retrieve(checkpoint.address, None, fname=name, path=folder, progressbar=True)
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(
            f"cannot download {checkpoint.address} ({type(error).__name__}); "
            f"fetch it elsewhere and put it at {folder / name}"
        ) from error
    return folder / name
