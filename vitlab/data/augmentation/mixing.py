"""Mixup and CutMix: a training image with a part of another one, and a loss that knows it."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from vitlab.augmentation_settings import Augmentation
from vitlab.data.augmentation.boxes import Box, inside

Images = Float[Array, "batch height width channels"]
Labels = Int[Array, "batch"]
Weights = Float[Array, "batch"]
Shares = Float[Array, "batch"]

QUANTILE_BITS = 14  # of a share: 64 KB in a program


class Mixture(NamedTuple):
    """Soft targets with two classes each: `labels` has the share, `others` the rest."""

    labels: Labels
    others: Labels
    share: Shares


def mix(
    images: Images, labels: Labels, weights: Weights, key: Key[Array, ""], settings: Augmentation
) -> tuple[Images, Mixture]:
    """Each image with one other of the batch, by a share of its own.

    Mixup (Zhang et al. 2018) blends them; CutMix (Yun et al. 2019) lays a rectangle of the other over
    the first. Images of weight 0 are fillers: they stay whole, and are in no other image.
    """
    partner_key, blend_key, cut_key, coin_key = jax.random.split(key, 4)
    others = partners(partner_key, weights)
    is_real = weights > 0
    kept = jnp.ones(images.shape[:3])
    if settings.mixup:
        share = draw_shares(blend_key, settings.mixup, len(labels))
        kept = jnp.broadcast_to(share[:, None, None], kept.shape)
    if settings.cutmix:
        is_cut = jax.random.bernoulli(coin_key, shape=labels.shape) if settings.mixup else is_real
        kept = jnp.where(is_cut[:, None, None], _cut(cut_key, kept.shape, settings.cutmix), kept)
    kept = jnp.where(is_real[:, None, None], kept, 1.0)
    mixed = kept[..., None] * images + (1 - kept[..., None]) * images[others]
    return mixed, Mixture(labels, labels[others], kept.mean((1, 2)))


def draw_shares(key: Key[Array, ""], alpha: float, count: int) -> Shares:
    """From Beta(alpha, alpha), as one of its quantiles that lie evenly.

    `jax.random.beta` throws away what does not fit, in loops that take seconds to compile on CPU.
    """
    return jnp.asarray(_quantiles(alpha))[jax.random.bits(key, (count,)) >> (32 - QUANTILE_BITS)]


@cache
def _quantiles(alpha: float) -> np.ndarray:
    import scipy.special  # only who mixes needs it

    count = 2**QUANTILE_BITS
    return scipy.special.betaincinv(alpha, alpha, (np.arange(count) + 0.5) / count).astype(np.float32)


def partners(key: Key[Array, ""], weights: Weights) -> Int[Array, "batch"]:
    """Whom each image is mixed with: the next one of a random circle of all real images."""
    places = jnp.where(weights > 0, jax.random.uniform(key, weights.shape), 2.0)
    circle = jnp.argsort(places)
    position = jnp.argsort(circle)
    following = (position + 1) % jnp.maximum((weights > 0).sum(), 1)
    return jnp.where(weights > 0, circle[following], jnp.arange(len(weights)))


def _cut(key: Key[Array, ""], shape: tuple[int, ...], alpha: float) -> Float[Array, "batch h w"]:
    """0 in a rectangle of the image's shape, around any place, cut off at the border; 1 elsewhere."""
    share_key, place_key = jax.random.split(key)
    count, height, width = shape
    side = jnp.sqrt(1 - draw_shares(share_key, alpha, count))
    centres = jax.random.uniform(place_key, (2, count))
    boxes = Box(centres[0] - side / 2, centres[1] - side / 2, side, side)
    return 1.0 - jax.vmap(lambda *box: inside(Box(*box), height, width))(*boxes)
