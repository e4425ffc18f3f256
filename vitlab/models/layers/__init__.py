"""The layers that several networks share, each in the formulation that the backend runs well."""

from vitlab.models.layers.activations import MLP_ACTIVATIONS, Activation, ActivationName
from vitlab.models.layers.attention import SelfAttention, attend
from vitlab.models.layers.backend import compiler_options
from vitlab.models.layers.branches import Branches, Chain, Conv, Pool, chain
from vitlab.models.layers.chunks import in_halves
from vitlab.models.layers.conv_norm import ConvNorm, Convolution
from vitlab.models.layers.convolution import Padding, convolve
from vitlab.models.layers.dropout import Dropout, give_keys, kept_units
from vitlab.models.layers.keys import RandomNumbers
from vitlab.models.layers.normalization import BatchNorm, NormSettings
from vitlab.models.layers.pooling import (
    adaptive_average_pool,
    average_pool,
    block_average,
    max_pool,
)
from vitlab.models.layers.product import Linear
from vitlab.models.layers.rematerialise import rematerialise
from vitlab.models.layers.repeated import repeated
from vitlab.models.layers.shapes import Maps, NewMaps, Queries, Tokens
from vitlab.models.layers.transformer import (
    PatchEmbedding,
    TransformerBlock,
    layer_norm,
    with_class_token,
)

__all__ = [
    "MLP_ACTIVATIONS",
    "Activation",
    "ActivationName",
    "BatchNorm",
    "Branches",
    "Chain",
    "Conv",
    "ConvNorm",
    "Convolution",
    "Dropout",
    "Linear",
    "Maps",
    "NewMaps",
    "NormSettings",
    "Padding",
    "PatchEmbedding",
    "Pool",
    "Queries",
    "RandomNumbers",
    "SelfAttention",
    "Tokens",
    "TransformerBlock",
    "adaptive_average_pool",
    "attend",
    "average_pool",
    "block_average",
    "chain",
    "compiler_options",
    "convolve",
    "give_keys",
    "in_halves",
    "kept_units",
    "layer_norm",
    "max_pool",
    "rematerialise",
    "repeated",
    "with_class_token",
]
