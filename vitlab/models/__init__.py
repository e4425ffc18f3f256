"""Hand-written networks, one file a family: `create("vit_ti16", num_classes=10)`.

Jitted code sees a network as a pure function of plain dictionaries (`functional`).
"""

from vitlab.models.classifier import Backbone, Classifier
from vitlab.models.functional import Arrays, Network, initialise, outline
from vitlab.models.presets import PRESETS
from vitlab.models.pretrained import Blueprint, draw_blueprint, first_model
from vitlab.models.registry import create, preset
from vitlab.models.saved import ModelCard, SavedModel, load_card, load_model, save_model

__all__ = [
    "PRESETS",
    "Arrays",
    "Backbone",
    "Blueprint",
    "Classifier",
    "ModelCard",
    "Network",
    "SavedModel",
    "create",
    "draw_blueprint",
    "first_model",
    "initialise",
    "load_card",
    "load_model",
    "outline",
    "preset",
    "save_model",
]
