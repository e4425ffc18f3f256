"""The same random Vision Transformer as each publisher would name it, made without the publishers."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.weights.timm_files import SIZES, Arrays, vit_tensors

TORCHVISION = {
    r"cls_token": "class_token",
    r"pos_embed": "encoder.pos_embedding",
    r"patch_embed\.proj\.(.*)": r"conv_proj.\1",
    r"norm\.(.*)": r"encoder.ln.\1",
    r"head\.(.*)": r"heads.head.\1",
    r"blocks\.(\d+)\.norm(\d)\.(.*)": r"encoder.layers.encoder_layer_\1.ln_\2.\3",
    r"blocks\.(\d+)\.attn\.qkv\.(.*)": r"encoder.layers.encoder_layer_\1.self_attention.in_proj_\2",
    r"blocks\.(\d+)\.attn\.proj\.(.*)": r"encoder.layers.encoder_layer_\1.self_attention.out_proj.\2",
    r"blocks\.(\d+)\.mlp\.fc1\.(.*)": r"encoder.layers.encoder_layer_\1.mlp.0.\2",
    r"blocks\.(\d+)\.mlp\.fc2\.(.*)": r"encoder.layers.encoder_layer_\1.mlp.3.\2",
}
HUGGING_FACE = {
    r"cls_token": "vit.embeddings.cls_token",
    r"pos_embed": "vit.embeddings.position_embeddings",
    r"patch_embed\.proj\.(.*)": r"vit.embeddings.patch_embeddings.projection.\1",
    r"norm\.(.*)": r"vit.layernorm.\1",
    r"head\.(.*)": r"classifier.\1",
    r"pre_logits\.(.*)": r"vit.pooler.dense.\1",
    r"blocks\.(\d+)\.norm1\.(.*)": r"vit.encoder.layer.\1.layernorm_before.\2",
    r"blocks\.(\d+)\.norm2\.(.*)": r"vit.encoder.layer.\1.layernorm_after.\2",
    r"blocks\.(\d+)\.attn\.(query|key|value)\.(.*)": r"vit.encoder.layer.\1.attention.attention.\2.\3",
    r"blocks\.(\d+)\.attn\.proj\.(.*)": r"vit.encoder.layer.\1.attention.output.dense.\2",
    r"blocks\.(\d+)\.mlp\.fc1\.(.*)": r"vit.encoder.layer.\1.intermediate.dense.\2",
    r"blocks\.(\d+)\.mlp\.fc2\.(.*)": r"vit.encoder.layer.\1.output.dense.\2",
}
GOOGLE = {
    r"cls_token": "cls",
    r"pos_embed": "Transformer/posembed_input/pos_embedding",
    r"patch_embed\.proj\.(.*)": r"embedding/\1",
    r"norm\.(.*)": r"Transformer/encoder_norm/\1",
    r"head\.(.*)": r"head/\1",
    r"pre_logits\.(.*)": r"pre_logits/\1",
    r"blocks\.(\d+)\.norm1\.(.*)": r"Transformer/encoderblock_\1/LayerNorm_0/\2",
    r"blocks\.(\d+)\.norm2\.(.*)": r"Transformer/encoderblock_\1/LayerNorm_2/\2",
    r"blocks\.(\d+)\.attn\.(query|key|value)\.(.*)":
        r"Transformer/encoderblock_\1/MultiHeadDotProductAttention_1/\2/\3",
    r"blocks\.(\d+)\.attn\.proj\.(.*)":
        r"Transformer/encoderblock_\1/MultiHeadDotProductAttention_1/out/\2",
    r"blocks\.(\d+)\.mlp\.fc(\d)\.(.*)": r"Transformer/encoderblock_\1/MlpBlock_3/Dense_\2/\3",
}  # fmt: skip


def write_vit_as(publisher: str, path: Path) -> None:
    save_file(VIT_WRITERS[publisher](vit_tensors(**SIZES, classes=3, input_size=24)), path)


def _torchvision(tensors: Arrays) -> Arrays:
    return _renamed(tensors, TORCHVISION)


def _huggingface(tensors: Arrays) -> Arrays:
    return _renamed(_split(tensors), HUGGING_FACE)


def _google(tensors: Arrays) -> Arrays:
    """Kernels with their inputs first, heads on an axis of their own, and layers counted from 0."""
    turned = {}
    for name, tensor in _split(tensors).items():
        axes = tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor
        kernel = tensor.T if tensor.ndim == 2 else axes
        if re.search(r"(query|key|value)\.", name):
            kernel = kernel.reshape(*kernel.shape[:-1], SIZES["heads"], -1)
        elif name.endswith("attn.proj.weight"):
            kernel = kernel.reshape(SIZES["heads"], -1, kernel.shape[-1])
        kind = "scale" if "norm" in name else "kernel"
        turned[re.sub(r"weight$", kind, name)] = np.ascontiguousarray(kernel)
    counted = _renamed(turned, GOOGLE)
    return {
        name.replace("Dense_1", "Dense_0").replace("Dense_2", "Dense_1"): tensor
        for name, tensor in counted.items()
    }


def _split(tensors: Arrays) -> Arrays:
    """Query, key and value one by one."""
    found = {}
    for name, tensor in tensors.items():
        parts = np.split(tensor, 3) if ".qkv." in name else [tensor]
        for kind, part in zip(("query", "key", "value"), parts, strict=False):
            found[name.replace("qkv", kind)] = np.ascontiguousarray(part)
    return found


def _renamed(tensors: Arrays, names: dict[str, str]) -> Arrays:
    found = {}
    for name, tensor in tensors.items():
        (pattern,) = [pattern for pattern in names if re.fullmatch(pattern, name)]
        found[re.sub(pattern, names[pattern], name)] = tensor
    return found


VIT_WRITERS: dict[str, Callable[[Arrays], Arrays]] = {
    "timm": dict,
    "torchvision": _torchvision,
    "google": _google,
    "huggingface": _huggingface,
}
