"""The layers that several networks share, each in the formulation that the backend runs well."""

from vitlab.models.layers.attention import SelfAttention
from vitlab.models.layers.convolution import Padding, convolve
from vitlab.models.layers.normalization import BatchNorm

__all__ = ["BatchNorm", "Padding", "SelfAttention", "convolve"]
