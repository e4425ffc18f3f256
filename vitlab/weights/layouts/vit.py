"""Vision Transformer as timm and as Google (`vision_transformer`, AugReg) publish it."""

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
        Rule(
            r"patch_embed\.proj\.weight",
            "backbone/patches/projection/kernel",
            lambda array: pixels_flat(image_last(array)),
        ),
        Rule(r"patch_embed\.proj\.bias", "backbone/patches/projection/bias"),
        Rule(r"(?:fc_)?norm\.weight", "backbone/norm/scale"),
        Rule(r"(?:fc_)?norm\.bias", "backbone/norm/bias"),
        Rule(r"head\.weight", "head/kernel", transposed),
        Rule(r"head\.bias", "head/bias"),
    ]
    for index, name in enumerate(("query", "key", "value")):
        kernel, bias = f"{ours}attention/{name}/kernel", f"{ours}attention/{name}/bias"
        rules.append(Rule(block + r"attn\.qkv\.weight", kernel, part(index, 3, transposed)))
        rules.append(Rule(block + r"attn\.qkv\.bias", bias, part(index, 3)))
    for theirs, name in {
        r"attn\.proj": "attention/out",
        r"mlp\.fc1": "mlp/widen",
        r"mlp\.fc2": "mlp/narrow",
    }.items():
        rules.append(Rule(block + theirs + r"\.weight", f"{ours}{name}/kernel", transposed))
        rules.append(Rule(block + theirs + r"\.bias", f"{ours}{name}/bias"))
    for theirs, name in {"norm1": "attention_norm", "norm2": "mlp_norm"}.items():
        rules.append(Rule(block + theirs + r"\.weight", f"{ours}{name}/scale"))
        rules.append(Rule(block + theirs + r"\.bias", f"{ours}{name}/bias"))
    return tuple(rules)


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


LAYOUTS = (
    Layout("timm", _timm_rules(), resize={POSITIONS: bicubic}),
    Layout("google", _google_rules(), resize={POSITIONS: _zoom}),
)
