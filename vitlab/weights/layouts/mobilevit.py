"""MobileViT as timm and Hugging Face publish it; both converted the weights of Apple's CVNets.

CVNets reads images as BGR. Hugging Face left the weights so and turns the images; timm feeds RGB.
"""

from vitlab.weights.layouts.layout import Layout, Rule
from vitlab.weights.layouts.units import (
    COUNTERS,
    torch_conv_norm,
    torch_convolution,
    torch_joined_attention,
    torch_layer_norm,
    torch_linear,
)


def _timm_rules() -> tuple[Rule, ...]:
    """`stages.S.U` is the U-th unit of a stage, as ours is; the transformers are the unit 1."""
    unit, ours = r"stages\.(\d)\.(\d)\.", "backbone/stages/{0}/{1}"
    block, our_block = unit + r"transformer\.(\d)\.", ours + "/blocks/{2}"
    convolutions = {
        "expand": "conv1_1x1",
        "filter": "conv2_kxk",
        "project": "conv3_1x1",
        "local": "conv_kxk",
        "leave": "conv_proj",
        "fuse": "conv_fusion",
    }
    return (
        *torch_conv_norm(r"stem\.conv", r"stem\.bn", "backbone/stem"),
        *(
            rule
            for name, theirs in convolutions.items()
            for rule in torch_conv_norm(
                rf"{unit}{theirs}\.conv", rf"{unit}{theirs}\.bn", f"{ours}/{name}"
            )
        ),
        *torch_convolution(unit + "conv_1x1", f"{ours}/enter"),
        *torch_layer_norm(unit + "norm", f"{ours}/norm"),
        *torch_layer_norm(block + "norm1", f"{our_block}/attention_norm"),
        *torch_layer_norm(block + "norm2", f"{our_block}/mlp_norm"),
        *torch_joined_attention(block + r"attn\.qkv\.", f"{our_block}/attention"),
        *torch_linear(block + r"attn\.proj", f"{our_block}/attention/out"),
        *torch_linear(block + r"mlp\.fc1", f"{our_block}/mlp/widen"),
        *torch_linear(block + r"mlp\.fc2", f"{our_block}/mlp/narrow"),
        *torch_conv_norm(r"final_conv\.conv", r"final_conv\.bn", "backbone/last"),
        *torch_linear(r"head\.fc", "head"),
    )


def _huggingface_rules() -> tuple[Rule, ...]:
    """The first two stages are lists of inverted residuals, the others a `downsampling_layer` and
    what we call unit 1. The files of base models leave out the prefix."""

    def layer(theirs: str, ours: str) -> list[Rule]:
        return torch_conv_norm(rf"{theirs}\.convolution", rf"{theirs}\.normalization", ours)

    prefix = r"(?:mobilevit\.)?"
    stage, ours = prefix + r"encoder\.layer\.(\d)\.", "backbone/stages/{0}/1"
    block, our_block = stage + r"transformer\.layer\.(\d)\.", ours + "/blocks/{1}"
    residual = {"expand": "expand_1x1", "filter": "conv_3x3", "project": "reduce_1x1"}
    rules = [
        *layer(prefix + "conv_stem", "backbone/stem"),
        *layer(stage + "conv_kxk", f"{ours}/local"),
        *torch_convolution(stage + r"conv_1x1\.convolution", f"{ours}/enter"),
        *torch_layer_norm(stage + "layernorm", f"{ours}/norm"),
        *layer(stage + "conv_projection", f"{ours}/leave"),
        *layer(stage + "fusion", f"{ours}/fuse"),
        *torch_layer_norm(block + "layernorm_before", f"{our_block}/attention_norm"),
        *torch_layer_norm(block + "layernorm_after", f"{our_block}/mlp_norm"),
        *torch_linear(block + r"attention\.output\.dense", f"{our_block}/attention/out"),
        *torch_linear(block + r"intermediate\.dense", f"{our_block}/mlp/widen"),
        *torch_linear(block + r"output\.dense", f"{our_block}/mlp/narrow"),
        *layer(prefix + "conv_1x1_exp", "backbone/last"),
        *torch_linear("classifier", "head"),
    ]
    for name in ("query", "key", "value"):
        rules += torch_linear(rf"{block}attention\.attention\.{name}", f"{our_block}/attention/{name}")
    for name, theirs in residual.items():
        rules += layer(rf"{stage}layer\.(\d)\.{theirs}", f"backbone/stages/{{0}}/{{1}}/{name}")
        rules += layer(rf"{stage}downsampling_layer\.{theirs}", f"backbone/stages/{{0}}/0/{name}")
    return tuple(rules)


LAYOUTS = (
    Layout("timm", _timm_rules(), ignored=(COUNTERS,), options={"scheme": "unit"}),
    Layout("huggingface", _huggingface_rules(), ignored=(COUNTERS,), options={"scheme": "unit bgr"}),
)
