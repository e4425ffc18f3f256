"""Checkpoints known by name (`vit_b32.augreg_in21k_ft_in1k`), a table of facts per family.

A name is the preset's, then a tag as timm's; once given, it never changes its meaning.
"""

from vitlab.weights.catalogue import mobilenet_v2, resnet, vgg, vit
from vitlab.weights.catalogue.checkpoint import Checkpoint

CATALOGUE: dict[str, Checkpoint] = {
    checkpoint.name: checkpoint
    for family in (vit, mobilenet_v2, resnet, vgg)
    for checkpoint in family.CHECKPOINTS
}

__all__ = ["CATALOGUE", "Checkpoint"]
