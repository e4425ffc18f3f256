"""Vision Transformer as Google (`vision_transformer`, AugReg), timm, torchvision and Hugging Face
publish it."""

from dataclasses import replace

import numpy as np

from vitlab.weights.layouts.changes import image_last, pixels_flat
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.positions import bicubic, huggingface_bicubic, torchvision_bicubic, zoom
from vitlab.weights.layouts.units import torch_joined_attention, torch_layer_norm, torch_linear

POSITIONS = "backbone/positions"
_VIT = r"(?:vit\.)?"
_POOLER = _VIT + r"pooler\.dense"


def _google_heads(array: np.ndarray) -> np.ndarray:
    """width x heads x head width (or heads x head width, of a bias), heads joined."""
    return array.reshape(*array.shape[:-2], -1)


def _google_heads_out(array: np.ndarray) -> np.ndarray:
    """heads x head width x width, heads joined."""
    return array.reshape(-1, array.shape[-1])


def _timm_rules(norm: str) -> tuple[Rule, ...]:
    block, ours = r"blocks\.(\d+)\.", "backbone/blocks/{0}/"
    rules = [
        Rule(r"cls_token", "backbone/class_token"),
        Rule(r"pos_embed", POSITIONS),
        *_patches(r"patch_embed\.proj"),
        *torch_layer_norm(norm, "backbone/norm"),
        *torch_linear("head", "head"),
        *torch_layer_norm(block + "norm1", ours + "attention_norm"),
        *torch_layer_norm(block + "norm2", ours + "mlp_norm"),
        *torch_linear(block + r"attn\.proj", ours + "attention/out"),
        *torch_linear(block + r"mlp\.fc1", ours + "mlp/widen"),
        *torch_linear(block + r"mlp\.fc2", ours + "mlp/narrow"),
    ]
    return (*rules, *torch_joined_attention(block + r"attn\.qkv\.", ours + "attention"))


def _google_rules() -> tuple[Rule, ...]:
    block, ours = r"Transformer/encoderblock_(\d+)/", "backbone/blocks/{0}/"
    rules = [
        Rule(r"cls", "backbone/class_token"),
        Rule(r"Transformer/posembed_input/pos_embedding", POSITIONS),
        Rule(r"embedding/kernel", "backbone/patches/projection/kernel", pixels_flat),
        Rule(r"embedding/bias", "backbone/patches/projection/bias"),
        Rule(r"Transformer/encoder_norm/(scale|bias)", "backbone/norm/{0}"),
        Rule(r"head/(kernel|bias)", "head/{0}"),
        Rule(block + r"LayerNorm_0/(scale|bias)", ours + "attention_norm/{1}"),
        Rule(block + r"LayerNorm_2/(scale|bias)", ours + "mlp_norm/{1}"),
        Rule(block + r"MlpBlock_3/Dense_0/(kernel|bias)", ours + "mlp/widen/{1}"),
        Rule(block + r"MlpBlock_3/Dense_1/(kernel|bias)", ours + "mlp/narrow/{1}"),
    ]
    attention = block + r"MultiHeadDotProductAttention_1/"
    rules += [
        Rule(
            attention + r"(query|key|value)/(kernel|bias)",
            ours + "attention/{1}/{2}",
            _google_heads,
        ),
        Rule(attention + r"out/kernel", ours + "attention/out/kernel", _google_heads_out),
        Rule(attention + r"out/bias", ours + "attention/out/bias"),
    ]
    return tuple(rules)


def _torchvision_rules() -> tuple[Rule, ...]:
    block, ours = r"encoder\.layers\.encoder_layer_(\d+)\.", "backbone/blocks/{0}/"
    rules = [
        Rule(r"class_token", "backbone/class_token"),
        Rule(r"encoder\.pos_embedding", POSITIONS),
        *_patches("conv_proj"),
        *torch_layer_norm(r"encoder\.ln", "backbone/norm"),
        *torch_linear(r"heads\.head", "head"),
        *torch_layer_norm(block + "ln_1", ours + "attention_norm"),
        *torch_layer_norm(block + "ln_2", ours + "mlp_norm"),
        *torch_linear(block + r"self_attention\.out_proj", ours + "attention/out"),
        # Files from before torchvision 0.13 call the two linear layers linear_1 and linear_2.
        *torch_linear(block + r"mlp\.(?:0|linear_1)", ours + "mlp/widen"),
        *torch_linear(block + r"mlp\.(?:3|linear_2)", ours + "mlp/narrow"),
    ]
    return (*rules, *torch_joined_attention(block + r"self_attention\.in_proj_", ours + "attention"))


def _huggingface_rules() -> tuple[Rule, ...]:
    """The names in published files, and the shorter ones that transformers 5 gives its modules; without
    `vit.` in the files of base models."""
    block = _VIT + r"(?:encoder\.layer|layers)\.(\d+)\."
    ours = "backbone/blocks/{0}/"
    rules = [
        Rule(_VIT + r"embeddings\.cls_token", "backbone/class_token"),
        Rule(_VIT + r"embeddings\.position_embeddings", POSITIONS),
        *_patches(_VIT + r"embeddings\.patch_embeddings\.projection"),
        *torch_layer_norm(_VIT + "layernorm", "backbone/norm"),
        *torch_linear("classifier", "head"),
        *torch_layer_norm(block + "layernorm_before", ours + "attention_norm"),
        *torch_layer_norm(block + "layernorm_after", ours + "mlp_norm"),
    ]
    for name in ("query", "key", "value"):
        theirs = rf"attention\.(?:attention\.{name}|{name[0]}_proj)"
        rules += torch_linear(block + theirs, f"{ours}attention/{name}")
    rules += torch_linear(block + r"attention\.(?:output\.dense|o_proj)", ours + "attention/out")
    rules += torch_linear(block + r"(?:intermediate\.dense|mlp\.fc1)", ours + "mlp/widen")
    rules += torch_linear(block + r"(?:output\.dense|mlp\.fc2)", ours + "mlp/narrow")
    return tuple(rules)


def _patches(theirs: str) -> list[Rule]:
    ours = "backbone/patches/projection"
    return [
        Rule(theirs + r"\.weight", f"{ours}/kernel", lambda array: pixels_flat(image_last(array))),
        Rule(theirs + r"\.bias", f"{ours}/bias"),
    ]


_GOOGLE = Layout(
    "google",
    _google_rules(),
    query=r"Transformer/encoderblock_\d+/MultiHeadDotProductAttention_1/query/kernel",
    resize={POSITIONS: zoom},
)

LAYOUTS = (
    Layout("timm", _timm_rules("norm"), resize={POSITIONS: bicubic}),
    _GOOGLE,
    Layout(
        "torchvision",
        _torchvision_rules(),
        options={"scheme": "imagenet"},
        resize={POSITIONS: torchvision_bicubic},
    ),
    # No classifier of theirs reads the pooler, and that of most files was never trained.
    Layout(
        "huggingface",
        (*_huggingface_rules(), *torch_linear(_POOLER, "backbone/pre_logits")),
        ignored=(_POOLER + r"\.(weight|bias)",),
        options={"epsilon": 1e-12},
        resize={POSITIONS: huggingface_bicubic},
    ),
    # The name of the last norm tells that it comes after the average.
    Layout(
        "timm, averaging",
        _timm_rules("fc_norm"),
        options={"pooling": "average", "norm": "embedding"},
        resize={POSITIONS: bicubic},
    ),
    # Files that have this layer have a head that reads nothing else.
    replace(
        _GOOGLE,
        publisher="google, pre-logits",
        rules=(*_GOOGLE.rules, Rule(r"pre_logits/(kernel|bias)", "backbone/pre_logits/{0}")),
        ignored=(r"pre_logits/(kernel|bias)",),
        options={"pre_logits": True},
        before_head="backbone/pre_logits/kernel",
    ),
)
