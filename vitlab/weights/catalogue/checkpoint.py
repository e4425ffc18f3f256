"""What is known of a published file before it is downloaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vitlab.weights.preprocessing import Preprocessing


@dataclass(frozen=True)
class Checkpoint:
    """A published file: where it lies, what it holds, and how its publisher fed it.

    What a publisher does not state is None, and never guessed.

    Attributes:
        tag: the part of its name after the model's.
        model: the preset that it fits.
        data: what it was trained on, in order.
        preprocessing: at which `top1` was measured, where it was.
        options: arguments of the network; always the normalisation (`scheme`), and what else its
            layout does not imply.
        text_options: arguments of CLIP's text tower that its layout does not imply.
        classes: outputs of its head; 0 where it has none.
        top1, top5: percent of ImageNet-1k's validation images, as `source` says.
        mebibytes: as the publisher rounds it.
        stated_hash: the publisher's, as "sha256:" or "md5:" and its first digits or all of them.
    """

    model: str
    tag: str
    publisher: str
    address: str
    licence: str | None
    data: str
    preprocessing: Preprocessing
    options: Mapping[str, Any] = field(default_factory=dict)
    text_options: Mapping[str, Any] = field(default_factory=dict)
    classes: int = 1000
    top1: float | None = None
    top5: float | None = None
    source: str | None = None
    mebibytes: float | None = None
    stated_hash: str | None = None

    @property
    def name(self) -> str:
        return f"{self.model}.{self.tag}"

    @property
    def file_name(self) -> str:
        """Unlike the last part of an address, which is `model.safetensors` for many, it is its own."""
        return self.name + self.address[self.address.rindex(".") :]
