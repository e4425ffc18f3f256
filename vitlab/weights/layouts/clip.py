"""CLIP as OpenAI, open_clip and Hugging Face publish it: image and text tower in one file.

Each of our towers takes its own part of the file and ignores the other's.
"""

import numpy as np

from vitlab.weights.layouts.changes import image_last, pixels_flat, transposed
from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.positions import bicubic, huggingface_bicubic
from vitlab.weights.layouts.units import (
    COUNTERS,
    torch_conv_norm,
    torch_joined_attention,
    torch_layer_norm,
    torch_linear,
)

POSITIONS = "backbone/positions"

# What OpenAI's archives keep beside the weights.
_OPENAI = ("input_resolution", "context_length", "vocab_size", r".*\.attn_mask")


def _in_a_row(array: np.ndarray) -> np.ndarray:
    """width, or positions x width, with a batch of 1 before the positions."""
    return array.reshape(1, -1, array.shape[-1])


def _blocks(theirs: str, ours: str) -> list[Rule]:
    """The blocks of OpenAI's and open_clip's transformers."""
    block, place = theirs + r"\.resblocks\.(\d+)\.", ours + "blocks/{0}/"
    return [
        *torch_layer_norm(block + "ln_1", place + "attention_norm"),
        *torch_layer_norm(block + "ln_2", place + "mlp_norm"),
        *torch_joined_attention(block + r"attn\.in_proj_", place + "attention"),
        *torch_linear(block + r"attn\.out_proj", place + "attention/out"),
        *torch_linear(block + r"mlp\.c_fc", place + "mlp/widen"),
        *torch_linear(block + r"mlp\.c_proj", place + "mlp/narrow"),
    ]


def _patches(theirs: str) -> Rule:
    ours = "backbone/patches/projection/kernel"
    return Rule(theirs + r"\.weight", ours, lambda array: pixels_flat(image_last(array)))


_VISION = (
    Rule(r"visual\.class_embedding", "backbone/class_token", _in_a_row),
    Rule(r"visual\.positional_embedding", POSITIONS, _in_a_row),
    _patches(r"visual\.conv1"),
    *torch_layer_norm(r"visual\.ln_pre", "backbone/first_norm"),
    *torch_layer_norm(r"visual\.ln_post", "backbone/norm"),
    Rule(r"visual\.proj", "backbone/projection/kernel"),
    *_blocks(r"visual\.transformer", "backbone/"),
)

_TEXT = (
    Rule(r"token_embedding\.weight", "words"),
    Rule("positional_embedding", "positions"),
    *torch_layer_norm("ln_final", "norm"),
    Rule("text_projection", "projection/kernel"),
    Rule("logit_scale", "scale"),
    *_blocks("transformer", ""),
)


def _resnet_rules() -> tuple[Rule, ...]:
    block = r"visual\.layer(\d)\.(\d+)\."

    def place(name: str):
        return lambda stage, index: f"backbone/stages/{int(stage) - 1}/{index}/{name}"

    rules = [
        *torch_conv_norm(block + r"downsample\.0", block + r"downsample\.1", place("shortcut")),
        Rule(r"visual\.attnpool\.positional_embedding", "backbone/attention/positions", _in_a_row),
    ]
    for number, name in enumerate(("reduce", "filter", "expand"), start=1):
        stem = f"backbone/stem/{number - 1}"
        rules += torch_conv_norm(rf"visual\.conv{number}", rf"visual\.bn{number}", stem)
        rules += torch_conv_norm(f"{block}conv{number}", f"{block}bn{number}", place(name))
    for theirs, ours in (("q", "query"), ("k", "key"), ("v", "value"), ("c", "out")):
        rules += torch_linear(rf"visual\.attnpool\.{theirs}_proj", f"backbone/attention/{ours}")
    return tuple(rules)


def _huggingface(tower: str, ours: str) -> list[Rule]:
    block, place = tower + r"\.encoder\.layers\.(\d+)\.", ours + "blocks/{0}/"
    rules = [
        *torch_layer_norm(block + "layer_norm1", place + "attention_norm"),
        *torch_layer_norm(block + "layer_norm2", place + "mlp_norm"),
        *torch_linear(block + r"mlp\.fc1", place + "mlp/widen"),
        *torch_linear(block + r"mlp\.fc2", place + "mlp/narrow"),
    ]
    for theirs, name in (
        ("q_proj", "query"),
        ("k_proj", "key"),
        ("v_proj", "value"),
        ("out_proj", "out"),
    ):
        rules += torch_linear(rf"{block}self_attn\.{theirs}", f"{place}attention/{name}")
    return rules


_HUGGINGFACE_VISION = (
    Rule(r"vision_model\.embeddings\.class_embedding", "backbone/class_token", _in_a_row),
    Rule(r"vision_model\.embeddings\.position_embedding\.weight", POSITIONS, _in_a_row),
    _patches(r"vision_model\.embeddings\.patch_embedding"),
    *torch_layer_norm(r"vision_model\.pre_layrnorm", "backbone/first_norm"),
    *torch_layer_norm(r"vision_model\.post_layernorm", "backbone/norm"),
    Rule(r"visual_projection\.weight", "backbone/projection/kernel", transposed),
    *_huggingface("vision_model", "backbone/"),
)

_HUGGINGFACE_TEXT = (
    Rule(r"text_model\.embeddings\.token_embedding\.weight", "words"),
    Rule(r"text_model\.embeddings\.position_embedding\.weight", "positions"),
    *torch_layer_norm(r"text_model\.final_layer_norm", "norm"),
    Rule(r"text_projection\.weight", "projection/kernel", transposed),
    Rule("logit_scale", "scale"),
    *_huggingface("text_model", ""),
)

# What one tower ignores is the other.
_NOT_TEXT = (r"visual\..*", COUNTERS)
_NOT_VISION = (
    r"token_embedding\.weight",
    "positional_embedding",
    r"ln_final\..*",
    "text_projection",
    "logit_scale",
    r"transformer\..*",
    COUNTERS,
)
_NOT_HUGGINGFACE_TEXT = (r"vision_model\..*", r"visual_projection\..*", r".*position_ids")
_NOT_HUGGINGFACE_VISION = (r"text_model\..*", r"text_projection\..*", "logit_scale", r".*position_ids")


# open_clip and OpenAI use the same names, but for the sizes in OpenAI's archives; Hugging Face's files
# of OpenAI's weights have OpenAI's activation, and others may need another.
_GELU = {"activation": "gelu"}
_QUICK_GELU = {"activation": "quick_gelu"}
_RESIZE = {POSITIONS: bicubic}

VISION_TRANSFORMER_LAYOUTS = (
    Layout("open_clip", _VISION, _NOT_VISION, options=_GELU, resize=_RESIZE),
    Layout("openai", _VISION, _NOT_VISION + _OPENAI, options=_QUICK_GELU, resize=_RESIZE),
    Layout(
        "huggingface",
        _HUGGINGFACE_VISION,
        _NOT_HUGGINGFACE_VISION,
        options=_QUICK_GELU,
        resize={POSITIONS: huggingface_bicubic},
    ),
)

_RESNET = _resnet_rules()
_RESNET_RESIZE = {"backbone/attention/positions": bicubic}

RESNET_LAYOUTS = (
    Layout("open_clip", _RESNET, _NOT_VISION, resize=_RESNET_RESIZE),
    Layout("openai", _RESNET, _NOT_VISION + _OPENAI, resize=_RESNET_RESIZE),
)

TEXT_LAYOUTS = (
    Layout("open_clip", _TEXT, _NOT_TEXT, options=_GELU),
    Layout("openai", _TEXT, _NOT_TEXT + _OPENAI, options=_QUICK_GELU),
    Layout("huggingface", _HUGGINGFACE_TEXT, _NOT_HUGGINGFACE_TEXT, options=_QUICK_GELU),
)
