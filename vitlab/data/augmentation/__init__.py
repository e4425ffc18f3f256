"""Random changes of training images, on the device, a pure function of (images, key)."""

from vitlab.data.augmentation.mixing import Mixture, mix
from vitlab.data.augmentation.pipeline import augment, augment_each

__all__ = ["Mixture", "augment", "augment_each", "mix"]
