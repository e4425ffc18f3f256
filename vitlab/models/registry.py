"""Every network by name: `create("vit_ti16", num_classes=10)`."""

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from flax import nnx

from vitlab.errors import InputError
from vitlab.models.classifier import Backbone, Classifier
from vitlab.models.presets import PRESETS, Preset
from vitlab.names import unknown
from vitlab.typed import checked


def create(name: str, *, num_classes: int, seed: int = 0, **options: Any) -> Classifier:
    """A network with random weights that depend on `seed` alone.

    Raises:
        InputError: an unknown name or option, an option that is missing, or a value that the
            network cannot have.
    """
    chosen = preset(name)
    options = {**chosen.options, **options}
    _check_options(name, chosen.backbone, options)
    rngs = nnx.Rngs(seed)
    try:
        backbone = chosen.backbone(**options, rngs=rngs)
    except ValueError as error:
        raise InputError(f"model {name}: {error} (model.options)") from error
    return Classifier(backbone, num_classes, rngs=rngs)


def preset(name: str) -> Preset:
    if name not in PRESETS:
        raise InputError(unknown("model", name, PRESETS, "model.name"))
    return PRESETS[name]


def _check_options(name: str, backbone: Callable[..., Backbone], options: Mapping[str, Any]) -> None:
    known = dict(inspect.signature(backbone.__init__).parameters)
    del known["self"], known["rngs"]
    for option in options:
        if option not in known:
            raise InputError(unknown(f"option of {name}", option, known, "model.options"))
    hints = typing.get_type_hints(backbone.__init__)
    for option, value in options.items():
        hint = hints[option]
        if hint in (int, float, bool, str) or typing.get_origin(hint) is typing.Literal:
            checked(hint, value, f"model.options.{option}")
        if hint in (int, float) and not value > 0:
            raise InputError(f"model.options.{option} is {value}; it must be above 0")
    needed = [key for key, value in known.items() if value.default is value.empty]
    missing = [key for key in needed if key not in options]
    if missing:
        raise InputError(f"model {name} needs model.options.{', model.options.'.join(missing)}")
