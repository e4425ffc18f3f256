"""Files of random weights in timm's layout, made without timm."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

Arrays = dict[str, np.ndarray]

# A ViT that is built in no time; these are options of the preset `vit`.
SIZES: dict[str, Any] = dict(patch=8, width=16, depth=1, heads=2, mlp_width=16)


def write_vit(path: Path, *, classes: int = 3, input_size: int = 24) -> None:
    save_file(vit_tensors(**SIZES, classes=classes, input_size=input_size), path)


def vit_tensors(
    *, patch: int, width: int, depth: int, heads: int, mlp_width: int, classes: int, input_size: int
) -> Arrays:
    """The tensors of a Vision Transformer; `heads` leaves no trace in their shapes."""
    del heads
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + (input_size // patch) ** 2, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        **_linear("head", width, classes),
        **_norm("norm", width),
    }
    for index in range(depth):
        block = f"blocks.{index}."
        shapes |= _norm(f"{block}norm1", width) | _norm(f"{block}norm2", width)
        shapes |= _linear(f"{block}attn.qkv", width, 3 * width)
        shapes |= _linear(f"{block}attn.proj", width, width)
        shapes |= _linear(f"{block}mlp.fc1", width, mlp_width)
        shapes |= _linear(f"{block}mlp.fc2", mlp_width, width)
    rng = np.random.default_rng(0)
    return {name: 0.02 * rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
