"""CvT as its authors (github.com/microsoft/CvT) and Hugging Face publish it."""

from collections.abc import Mapping
from dataclasses import replace

from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import (
    COUNTERS,
    torch_conv_norm,
    torch_convolution,
    torch_layer_norm,
    torch_linear,
)

# Of a block: our linear layers, layer norms and filters, and patterns of the publisher's names.
_MICROSOFT = {
    "attention/query": r"attn\.proj_q",
    "attention/key": r"attn\.proj_k",
    "attention/value": r"attn\.proj_v",
    "attention/out": r"attn\.proj",
    "mlp/widen": r"mlp\.fc1",
    "mlp/narrow": r"mlp\.fc2",
    "attention_norm": "norm1",
    "mlp_norm": "norm2",
    "attention/query_filter": r"attn\.conv_proj_q",
    "attention/key_filter": r"attn\.conv_proj_k",
    "attention/value_filter": r"attn\.conv_proj_v",
}
_HUGGINGFACE = {
    "attention/query": r"attention\.attention\.projection_query",
    "attention/key": r"attention\.attention\.projection_key",
    "attention/value": r"attention\.attention\.projection_value",
    "attention/out": r"attention\.output\.dense",
    "mlp/widen": r"intermediate\.dense",
    "mlp/narrow": r"output\.dense",
    "attention_norm": "layernorm_before",
    "mlp_norm": "layernorm_after",
    **{
        f"attention/{name}_filter": rf"attention\.attention\.convolution_projection_{name}\."
        "convolution_projection"
        for name in ("query", "key", "value")
    },
}


def _block_rules(block: str, names: Mapping[str, str], convolution: str, norm: str) -> list[Rule]:
    rules = []
    for name, pattern in names.items():
        theirs, ours = block + pattern, f"backbone/stages/{{0}}/blocks/{{1}}/{name}"
        if name.endswith("_filter"):
            rules += torch_conv_norm(theirs + convolution, theirs + norm, ours)
        elif name.endswith("_norm"):
            rules += torch_layer_norm(theirs, ours)
        else:
            rules += torch_linear(theirs, ours)
    return rules


def _microsoft_rules() -> tuple[Rule, ...]:
    stage, ours = r"stage(\d)\.", "backbone/stages/{0}"
    return (
        *torch_convolution(stage + r"patch_embed\.proj", f"{ours}/projection"),
        *torch_layer_norm(stage + r"patch_embed\.norm", f"{ours}/norm"),
        *_block_rules(stage + r"blocks\.(\d+)\.", _MICROSOFT, r"\.conv", r"\.bn"),
        Rule(r"stage2\.cls_token", "backbone/class_token"),
        *torch_layer_norm("norm", "backbone/norm"),
        *torch_linear("head", "head"),
    )


def _huggingface_rules(prefix: str) -> tuple[Rule, ...]:
    stage, ours = prefix + r"encoder\.stages\.(\d)\.", "backbone/stages/{0}"
    embedding = stage + r"embedding\.convolution_embeddings\."
    return (
        *torch_convolution(embedding + "projection", f"{ours}/projection"),
        *torch_layer_norm(embedding + "normalization", f"{ours}/norm"),
        *_block_rules(stage + r"layers\.(\d+)\.", _HUGGINGFACE, r"\.convolution", r"\.normalization"),
        Rule(prefix + r"encoder\.stages\.2\.cls_token", "backbone/class_token"),
    )


_HUGGINGFACE_WHOLE = Layout(
    "huggingface",
    (
        *_huggingface_rules(r"cvt\."),
        *torch_layer_norm("layernorm", "backbone/norm"),
        *torch_linear("classifier", "head"),
    ),
    ignored=(COUNTERS,),
    options={"activation": "gelu"},
)

LAYOUTS = (
    # The authors' `get_cls_model` builds QuickGELU into every MLP; Hugging Face computes the exact
    # GELU with the same weights.
    Layout("microsoft", _microsoft_rules(), ignored=(COUNTERS,), options={"activation": "quick_gelu"}),
    _HUGGINGFACE_WHOLE,
    # `CvtModel` ends before the last norm, which `CvtForImageClassification` then starts as it is here.
    replace(
        _HUGGINGFACE_WHOLE,
        publisher="huggingface, base model",
        rules=_huggingface_rules(""),
        supplied={"backbone/norm/scale": 1.0, "backbone/norm/bias": 0.0},
    ),
)
