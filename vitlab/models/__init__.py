"""Hand-written networks, one file a family: `create("vit_ti16", num_classes=10)`.

Jitted code sees a network as a pure function of plain dictionaries (`functional`).
"""

from vitlab.models.choice import published_networks
from vitlab.models.classifier import LINEAR, Backbone, Classifier, HeadSettings, head_logits
from vitlab.models.clip import CLIPText, similarity
from vitlab.models.conversion import convert
from vitlab.models.functional import Arrays, Network, check_blocks, initialise, outline
from vitlab.models.layers import compiler_options
from vitlab.models.mobilenet_v2 import Operator
from vitlab.models.order import layer_numbers
from vitlab.models.presets import PRESETS
from vitlab.models.pretrained import Blueprint, draw_blueprint, first_model, head_drawer, load_text
from vitlab.models.registry import create, create_text, preset
from vitlab.models.saved import ModelCard, SavedModel, load_card, load_model, save_model
from vitlab.models.summary import (
    TIMED_ANSWERS,
    Layer,
    NetworkFacts,
    layer_table,
    network_facts,
    operators,
)
from vitlab.models.tokenizer import Tokenizer, load_tokenizer

__all__ = [
    "LINEAR",
    "PRESETS",
    "TIMED_ANSWERS",
    "Arrays",
    "Backbone",
    "Blueprint",
    "CLIPText",
    "Classifier",
    "HeadSettings",
    "Layer",
    "ModelCard",
    "Network",
    "NetworkFacts",
    "Operator",
    "SavedModel",
    "Tokenizer",
    "check_blocks",
    "compiler_options",
    "convert",
    "create",
    "create_text",
    "draw_blueprint",
    "first_model",
    "head_drawer",
    "head_logits",
    "initialise",
    "layer_numbers",
    "layer_table",
    "load_card",
    "load_model",
    "load_text",
    "load_tokenizer",
    "network_facts",
    "operators",
    "outline",
    "preset",
    "published_networks",
    "save_model",
    "similarity",
]
