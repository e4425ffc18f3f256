"""What a config can say about augmentation, and what cannot be."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from vitlab.errors import InputError

Padding = Literal["edge", "reflect", "wrap", "constant"]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images, drawn anew every time; 0 and False change nothing.

    Attributes:
        flip: mirror left and right, half of the time.
        vertical_flip: mirror top and bottom, half of the time.
        rotation: up to so many degrees to either side.
        shift: up to this share of the width and of the height, in either direction.
        zoom: scale by a factor of 1 - zoom to 1 + zoom.
        shear: upright lines lean by up to so many degrees to either side.
        crop: a part of any place that has at least this share of the area, enlarged to the whole.
        crop_aspect: the part is up to so many times as wide as high, or as high as wide.
        padding: what lies beyond the border: the nearest pixel ("edge"), the image mirrored
            ("reflect", the border pixel twice) or repeated ("wrap"), or `fill` ("constant").
        fill: red, green and blue in 0 to 255, for "constant" and `erase`.
        brightness: multiply by a factor of 1 - brightness to 1 + brightness.
        contrast: the same of the distance to the image's mean grey.
        saturation: the same of the distance of each pixel to its own grey.
        equalise: the chance that an image's histogram is made level.
        whiten: the chance that an image gets the same mean and deviation as any other.
        grayscale: the chance that an image loses its colours.
        erase: the chance that a rectangle is painted with `fill`.
        policy: "randaugment", "trivialaugment", or none ("").
        policy_operations: how many of its operations "randaugment" applies to an image.
        policy_magnitude: how strongly, from 0 to 30; "trivialaugment" draws it.
        mixup: images of a batch are blended in pairs, by shares of Beta(mixup, mixup).
        cutmix: a rectangle comes from another image, its area by Beta(cutmix, cutmix); with `mixup`
            as well, half of the images are mixed by each.
    """

    flip: bool = False
    vertical_flip: bool = False
    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    crop: float = 0.0
    crop_aspect: float = 4 / 3
    padding: Padding = "edge"
    fill: Colour = (0.0, 0.0, 0.0)
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    equalise: float = 0.0
    whiten: float = 0.0
    grayscale: float = 0.0
    erase: float = 0.0
    policy: Literal["", "randaugment", "trivialaugment"] = ""
    policy_operations: int = 2
    policy_magnitude: int = 9
    mixup: float = 0.0
    cutmix: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.operations())

    @property
    def moves_pixels(self) -> bool:
        return any(name in GEOMETRY or name == "policy" for name in self.operations())

    @property
    def mixes(self) -> bool:
        return bool(self.mixup or self.cutmix)

    def operations(self) -> tuple[str, ...]:
        """The names of the fields that change images, in the order in which they do."""
        return tuple(name for name in OPERATIONS if getattr(self, name))

    def alone(self, operation: str) -> "Augmentation":
        """This operation without the others, and where it is left to chance, always."""
        changes = {name: getattr(Augmentation, name) for name in OPERATIONS if name != operation}
        if operation in CHANCES:
            changes[operation] = 1.0
        return dataclasses.replace(self, **changes)


GEOMETRY = ("crop", "flip", "vertical_flip", "rotation", "shift", "zoom", "shear")
CHANCES = ("equalise", "whiten", "grayscale", "erase")
OPERATIONS = (
    *(*GEOMETRY, "policy", "brightness", "contrast", "saturation"),
    *(*CHANCES, "mixup", "cutmix"),
)

# The least and the most that a number may be.
LIMITS = {
    "rotation": (0, 180),
    "shift": (0, 1),
    "zoom": (0, 0.99),
    "shear": (0, 80),
    "crop": (0, 1),
    "crop_aspect": (1, 10),
    **dict.fromkeys(("brightness", "contrast", "saturation", *CHANCES), (0, 1)),
    "policy_operations": (1, 14),
    "policy_magnitude": (0, 30),
    "mixup": (0, 100),
    "cutmix": (0, 100),
}


def check_augmentation(settings: Augmentation, where: str, batch_size: int) -> None:
    """Raises InputError, which names the key below `where`, if a value cannot be."""
    for key, (least, most) in LIMITS.items():
        value = getattr(settings, key)
        if not least <= value <= most:
            raise InputError(f"{where}.{key} is {value:g}; it must be from {least} to {most}")
    if not all(0 <= value <= 255 for value in settings.fill):
        raise InputError(f"{where}.fill is {settings.fill}; a colour has values from 0 to 255")
    if settings.mixes and batch_size < 2:
        raise InputError(
            f"{where} mixes images of a batch, and batch_size is {batch_size}; set it to 2 or more"
        )
