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


def best_checkpoint(model: str, size: int) -> Checkpoint | None:
    """The one of a network for that input size with the highest stated top-1; None: there is none."""
    stated = [
        one
        for one in CATALOGUE.values()
        if one.model == model and one.preprocessing.size == size and one.top1
    ]
    return max(stated, key=lambda one: one.top1 or 0, default=None)


def list_checkpoints(model: str = "", name: str = "", *, as_json: bool = False) -> str:
    """Of a network or of all as a table, everything about the one called `name`, or either as JSON.

    Raises:
        InputError: there is no checkpoint of that network or name.
    """
    chosen = listing.choose(CATALOGUE, model, name)
    if as_json:
        return listing.as_json(chosen)
    return listing.facts(chosen[0]) if name else listing.table(chosen)


__all__ = ["CATALOGUE", "Checkpoint", "best_checkpoint", "list_checkpoints"]
