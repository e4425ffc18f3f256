"""Vision Transformer as Google (`vision_transformer`, AugReg), timm, torchvision and Hugging Face
publish it."""

import math

import numpy as np
from scipy import ndimage

from vitlab.weights.layouts.changes import image_last, part, pixels_flat, transposed
from vitlab.weights.layouts.layout import Layout, Rule

POSITIONS = "backbone/positions"


def bicubic(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """timm's `resample_abs_pos_embed`: bicubic, antialiased when it shrinks."""
    import jax  # late: reading weights needs no JAX

    def resample(grid: np.ndarray, rows: int) -> np.ndarray:
        size = (rows, rows, grid.shape[-1])
        with jax.default_device(jax.devices("cpu")[0]):
            return np.asarray(jax.image.resize(grid, size, "cubic", antialias=True))

    return _resample(positions, shape, resample)


def _torchvision_bicubic(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """torchvision's `interpolate_embeddings`: the corners of both grids lie on each other."""
    return _resample(positions, shape, lambda grid, rows: _pytorch_bicubic(grid, rows, corners=True))


def _huggingface_bicubic(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Hugging Face's `interpolate_pos_encoding`: the borders of both grids lie on each other."""
    return _resample(positions, shape, lambda grid, rows: _pytorch_bicubic(grid, rows, corners=False))


def _pytorch_bicubic(grid: np.ndarray, rows: int, *, corners: bool) -> np.ndarray:
    """PyTorch's bicubic without antialiasing: a = -0.75, and the edge goes on beyond the border."""
    old, sharpness = len(grid), -0.75
    where = np.arange(rows, dtype=np.float64)
    if corners:
        where *= (old - 1) / max(rows - 1, 1)
    else:
        where = (where + 0.5) * old / rows - 0.5
    matrix = np.zeros((rows, old))
    for offset in range(-1, 3):
        place = np.floor(where).astype(int) + offset
        gap = np.abs(where - place)
        near = (sharpness + 2) * gap**3 - (sharpness + 3) * gap**2 + 1
        far = sharpness * (gap**3 - 5 * gap**2 + 8 * gap - 4)
        weight = np.where(gap <= 1, near, np.where(gap < 2, far, 0.0))
        np.add.at(matrix, (np.arange(rows), np.clip(place, 0, old - 1)), weight)
    return np.einsum("ai,bj,ijc->abc", matrix, matrix, grid)


def _zoom(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Google's `vit_jax`: linear, with the corners of both grids on each other."""

    def resample(grid: np.ndarray, rows: int) -> np.ndarray:
        return ndimage.zoom(grid, (rows / len(grid), rows / len(grid), 1), order=1)

    return _resample(positions, shape, resample)


def _resample(positions: np.ndarray, shape: tuple[int, ...], resample) -> np.ndarray:
    """Resamples the square grid of `positions` (1 x n x width); a class token's stays as it is.

    Where no square grid explains a length, the array comes back as it was: `fill` then reports it.
    """
    if positions.ndim != 3:
        return positions
    extra = _tokens_beside_the_grid(positions.shape[1])
    if extra is None or extra != _tokens_beside_the_grid(shape[1]):
        return positions
    width = positions.shape[2]
    rows, old_rows = math.isqrt(shape[1] - extra), math.isqrt(positions.shape[1] - extra)
    grid = positions[0, extra:].reshape(old_rows, old_rows, width)
    grid = resample(grid, rows).reshape(1, rows * rows, width)
    return np.concatenate([positions[:, :extra], grid], axis=1)


def _tokens_beside_the_grid(length: int) -> int | None:
    return next((extra for extra in (0, 1) if math.isqrt(length - extra) ** 2 == length - extra), None)


def _google_heads(array: np.ndarray) -> np.ndarray:
    """width x heads x head width (or heads x head width, of a bias), heads joined."""
    return array.reshape(*array.shape[:-2], -1)


def _google_heads_out(array: np.ndarray) -> np.ndarray:
    """heads x head width x width, heads joined."""
    return array.reshape(-1, array.shape[-1])


def _timm_rules() -> tuple[Rule, ...]:
    block, ours = r"blocks\.(\d+)\.", "backbone/blocks/{0}/"
    rules = [
        Rule(r"cls_token", "backbone/class_token"),
        Rule(r"pos_embed", POSITIONS),
        *_patches(r"patch_embed\.proj"),
        *_norm("(?:fc_)?norm", "backbone/norm"),
        *_linear("head", "head"),
        *_norm(block + "norm1", ours + "attention_norm"),
        *_norm(block + "norm2", ours + "mlp_norm"),
        *_linear(block + r"attn\.proj", ours + "attention/out"),
        *_linear(block + r"mlp\.fc1", ours + "mlp/widen"),
        *_linear(block + r"mlp\.fc2", ours + "mlp/narrow"),
    ]
    return (*rules, *_joined(block + r"attn\.qkv\.", ours + "attention"))


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
        *_norm(r"encoder\.ln", "backbone/norm"),
        *_linear(r"heads\.head", "head"),
        *_norm(block + "ln_1", ours + "attention_norm"),
        *_norm(block + "ln_2", ours + "mlp_norm"),
        *_linear(block + r"self_attention\.out_proj", ours + "attention/out"),
        # Files from before torchvision 0.13 call the two linear layers linear_1 and linear_2.
        *_linear(block + r"mlp\.(?:0|linear_1)", ours + "mlp/widen"),
        *_linear(block + r"mlp\.(?:3|linear_2)", ours + "mlp/narrow"),
    ]
    return (*rules, *_joined(block + r"self_attention\.in_proj_", ours + "attention"))


def _huggingface_rules() -> tuple[Rule, ...]:
    """The names in published files, and the shorter ones that transformers 5 gives its modules."""
    block = r"vit\.(?:encoder\.layer|layers)\.(\d+)\."
    ours = "backbone/blocks/{0}/"
    rules = [
        Rule(r"vit\.embeddings\.cls_token", "backbone/class_token"),
        Rule(r"vit\.embeddings\.position_embeddings", POSITIONS),
        *_patches(r"vit\.embeddings\.patch_embeddings\.projection"),
        *_norm(r"vit\.layernorm", "backbone/norm"),
        *_linear("classifier", "head"),
        *_norm(block + "layernorm_before", ours + "attention_norm"),
        *_norm(block + "layernorm_after", ours + "mlp_norm"),
    ]
    for name in ("query", "key", "value"):
        theirs = rf"attention\.(?:attention\.{name}|{name[0]}_proj)"
        rules += _linear(block + theirs, f"{ours}attention/{name}")
    rules += _linear(block + r"attention\.(?:output\.dense|o_proj)", ours + "attention/out")
    rules += _linear(block + r"(?:intermediate\.dense|mlp\.fc1)", ours + "mlp/widen")
    rules += _linear(block + r"(?:output\.dense|mlp\.fc2)", ours + "mlp/narrow")
    return tuple(rules)


def _joined(theirs: str, ours: str) -> list[Rule]:
    """Query, key and value, published as one weight and one bias."""
    rules = []
    for index, name in enumerate(("query", "key", "value")):
        rules.append(Rule(theirs + "weight", f"{ours}/{name}/kernel", part(index, 3, transposed)))
        rules.append(Rule(theirs + "bias", f"{ours}/{name}/bias", part(index, 3)))
    return rules


def _linear(theirs: str, ours: str) -> list[Rule]:
    return [
        Rule(theirs + r"\.weight", f"{ours}/kernel", transposed),
        Rule(theirs + r"\.bias", f"{ours}/bias"),
    ]


def _norm(theirs: str, ours: str) -> list[Rule]:
    return [Rule(theirs + r"\.weight", f"{ours}/scale"), Rule(theirs + r"\.bias", f"{ours}/bias")]


def _patches(theirs: str) -> list[Rule]:
    ours = "backbone/patches/projection"
    return [
        Rule(theirs + r"\.weight", f"{ours}/kernel", lambda array: pixels_flat(image_last(array))),
        Rule(theirs + r"\.bias", f"{ours}/bias"),
    ]


LAYOUTS = (
    Layout("timm", _timm_rules(), resize={POSITIONS: bicubic}),
    Layout("google", _google_rules(), resize={POSITIONS: _zoom}),
    Layout(
        "torchvision",
        _torchvision_rules(),
        options={"scheme": "imagenet"},
        resize={POSITIONS: _torchvision_bicubic},
    ),
    Layout(
        "huggingface",
        _huggingface_rules(),
        options={"epsilon": 1e-12},
        resize={POSITIONS: _huggingface_bicubic},
    ),
)
