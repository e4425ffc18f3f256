"""Checkpoints known by name (`vit_b32.augreg_in21k_ft_in1k`), a table of facts per family.

A name is the preset's, then a tag as timm's; once given, it never changes its meaning.
"""

from vitlab.weights.catalogue import (
    clip,
    cvt,
    efficientnet,
    inception,
    listing,
    mobilenet_v2,
    mobilevit,
    resnet,
    vgg,
    vit,
)
from vitlab.weights.catalogue.checkpoint import Checkpoint

CATALOGUE: dict[str, Checkpoint] = {
    checkpoint.name: checkpoint
    for family in (vit, cvt, mobilevit, mobilenet_v2, resnet, vgg, inception, efficientnet, clip)
    for checkpoint in family.CHECKPOINTS
}


def best_checkpoint(model: str) -> Checkpoint | None:
    """The one of a network with the highest stated top-1; None where none states it."""
    stated = [one for one in CATALOGUE.values() if one.model == model and one.top1]
    return max(stated, key=lambda one: one.top1 or 0, default=None)


def checkpoint_table(model: str = "") -> str:
    """See `listing.table`."""
    return listing.table(CATALOGUE, model)


def checkpoint_facts(name: str) -> str:
    """See `listing.facts`."""
    return listing.facts(CATALOGUE, name)


__all__ = ["CATALOGUE", "Checkpoint", "best_checkpoint", "checkpoint_facts", "checkpoint_table"]
