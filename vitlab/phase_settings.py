"""What a config can say about one phase of training, and what cannot be."""

import math
import re
from dataclasses import dataclass, field
from typing import Literal

from vitlab.augmentation_settings import Augmentation, check_augmentation
from vitlab.errors import InputError

# Their weight decay is part of the rule; that of the others is a term of the loss.
DECOUPLED = ("adamw", "lamb", "lion")


@dataclass(frozen=True)
class Phase:
    """One stage of training, from the best weights of the stage before.

    Attributes:
        trainable: patterns of parameter paths; a parameter trains if one of them matches it whole.
        optimizer: "adam", "adamw", "sgd" (with Nesterov's momentum), "rmsprop", "lamb" or "lion".
        learning_rate: its highest value.
        rates: patterns of parameter paths, and how many times the learning rate these parameters train
            at: (("backbone/.*", 0.1),). The first pattern that matches a path whole counts.
        layer_decay: each layer trains at so many times the rate of the layer after it, the head at the
            full one (1: all alike). It multiplies `rates`. Layers: `vitlab.models.layer_numbers`.
        last_layers: of what `trainable` matches, only what lies in so many layers at the end of the
            network trains, the head included (0: in all).
        momentum: of sgd.
        weight_decay: of adamw, lamb and lion apart from the gradient; with the others, half of it
            times the squared parameters is added to the loss.
        decays: patterns of parameter paths, and how many times the weight decay these parameters have:
            ((".*/(bias|scale)", 0.0),). The first pattern that matches a path whole counts.
        clip: longer gradients, over all parameters together, are shortened to this norm (0: none).
        accumulate: the batch goes through the network in so many parts, for less memory; the gradient
            is that of the whole. A batch norm that trains sees the parts one after the other.
        rematerialise: the backward pass computes the activations within a block of the network again:
            less memory, more time, the same gradient.
        ema: the weights that are validated and kept are a moving average over the steps with this
            decay, and with less in the first (0: no average).
        schedule: "constant"; "cosine" or "linear" (down to zero at the last step); or "step" (times
            `step_factor` every `step_epochs`).
        step_epochs: of the schedule "step".
        step_factor: of the schedule "step".
        warmup_epochs: the learning rate rises linearly for so long.
        warmup_steps: the same in steps.
        loss: "cross_entropy", or "focal" (Lin et al. 2017): less of what is right already.
        focal_gamma: how much less.
        label_smoothing: this share of each label is spread over all classes (Szegedy et al. 2016).
        class_weights: "balanced" makes each class weigh the same in the loss, whatever its size.
        sampling: "balanced" shows each class equally often; an epoch has as many images as before.
        epochs: at most so many in this phase (0: no such limit).
        steps: at most so many optimizer steps in this phase (0: no such limit). Where they end in the
            middle of an epoch, it is validated and counts as one.
        total_epochs: at most so many with the epochs of earlier phases (0: no such limit).
        monitor: what must get better on the validation part: "accuracy", or "loss" (plain
            cross-entropy). The weights of its best epoch are kept.
        min_delta: by more than this.
        patience: stop after so many epochs in which it did not (0: never).
        batch_norm: "frozen" keeps the stored statistics; "update" trains with the batch's own.
        augmentation: of the training images.
        views: where the backbone stays as it is, so many augmented versions of each training image go
            through it once, and the epochs take one after the other in turn (0: every epoch augments
            anew, and all of it goes through the backbone).
    """

    trainable: tuple[str, ...] = (".*",)
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "lamb", "lion"] = "adam"
    learning_rate: float = 1e-3
    rates: tuple[tuple[str, float], ...] = ()
    layer_decay: float = 1.0
    last_layers: int = 0
    momentum: float = 0.9
    weight_decay: float = 0.0
    decays: tuple[tuple[str, float], ...] = ()
    clip: float = 0.0
    accumulate: int = 1
    rematerialise: bool = False
    ema: float = 0.0
    schedule: Literal["constant", "cosine", "linear", "step"] = "constant"
    step_epochs: int = 30
    step_factor: float = 0.1
    warmup_epochs: int = 0
    warmup_steps: int = 0
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: float = 2.0
    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    sampling: Literal["natural", "balanced"] = "natural"
    epochs: int = 0
    steps: int = 0
    total_epochs: int = 0
    monitor: Literal["accuracy", "loss"] = "accuracy"
    min_delta: float = 0.0
    patience: int = 0
    batch_norm: Literal["frozen", "update"] = "frozen"
    augmentation: Augmentation = field(default_factory=Augmentation)
    views: int = 0


# The least and the most that a number may be.
LIMITS = {
    "layer_decay": (0.01, 1),
    "last_layers": (0, 1000),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1e6),
    "clip": (0, 1e6),
    "accumulate": (1, 2**20),
    "ema": (0, 0.99999),
    "step_epochs": (1, 10**6),
    "step_factor": (0, 1),
    "warmup_epochs": (0, 10**6),
    "warmup_steps": (0, 10**9),
    "focal_gamma": (0, 10),
    "label_smoothing": (0, 0.99),
    "epochs": (0, 10**6),
    "steps": (0, 10**9),
    "total_epochs": (0, 10**6),
    "min_delta": (0, 10),
    "patience": (0, 10**6),
    "views": (0, 10**4),
}


def check_phase(name: str, settings: Phase, batch_size: int) -> None:
    """Raises InputError, which names the key, if a value cannot be."""
    where = f"phases.{name}"
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise InputError(f"phase name {name!r} must be lower-case letters, digits, _ and -")
    for key, (least, most) in LIMITS.items():
        value = getattr(settings, key)
        if not least <= value <= most:
            raise InputError(f"{where}.{key} is {value:g}; it must be from {least} to {most:g}")
    if not (settings.epochs or settings.steps or settings.total_epochs):
        raise InputError(
            f"{where} has no end; set {where}.epochs, {where}.steps or {where}.total_epochs"
        )
    if not settings.learning_rate > 0 or not math.isfinite(settings.learning_rate):
        raise InputError(f"{where}.learning_rate is {settings.learning_rate}; it must be positive")
    _check_factors(settings, where)
    if settings.warmup_epochs and settings.warmup_steps:
        raise InputError(f"of {where}.warmup_epochs and {where}.warmup_steps only one can be set")
    if batch_size % settings.accumulate:
        raise InputError(
            f"{where}.accumulate is {settings.accumulate}; batch_size {batch_size} does not divide into "
            "so many parts"
        )
    if settings.loss == "focal" and settings.label_smoothing:
        raise InputError(
            f"{where}: label_smoothing is of the loss 'cross_entropy'; take one of it and 'focal'"
        )
    if settings.class_weights == settings.sampling == "balanced":
        raise InputError(
            f"{where}: class_weights and sampling both balance the classes; set one of them"
        )
    check_augmentation(settings.augmentation, f"{where}.augmentation", batch_size)
    if settings.views and not settings.augmentation:
        raise InputError(
            f"{where}.views is {settings.views}, but without {where}.augmentation all views are the "
            "same; set one, or views to 0"
        )
    if settings.views and settings.augmentation.mixes:
        raise InputError(
            f"{where}.views is {settings.views}, but mixup and cutmix mix the images of a batch, which "
            "are others every time; set them to 0, or views to 0"
        )


def _check_factors(settings: Phase, where: str) -> None:
    for pattern, factor in settings.rates:
        if not 0 < factor <= 1000:
            raise InputError(
                f"{where}.rates is {factor:g} for {pattern!r}; it must be above 0, up to 1000"
            )
    for pattern, factor in settings.decays:
        if not 0 <= factor <= 1000:
            raise InputError(f"{where}.decays is {factor:g} for {pattern!r}; it must be from 0 to 1000")
    if settings.decays and not settings.weight_decay:
        raise InputError(f"{where}.decays are parts of {where}.weight_decay, which is 0; set it")
