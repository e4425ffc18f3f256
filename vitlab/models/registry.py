"""Every network by name: `create("vit_ti16", num_classes=10)`."""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flax import nnx

from vitlab.errors import InputError
from vitlab.models.classifier import Backbone, Classifier
from vitlab.models.clip import CLIPText
from vitlab.models.presets import CLIP_TEXTS, PRESETS, Preset
from vitlab.names import unknown
from vitlab.typed import Share, checked


def create(name: str, *, num_classes: int, seed: int = 0, **options: Any) -> Classifier:
    """A network with random weights that depend on `seed` alone.

    Raises:
        InputError: an unknown name or option, an option that is missing, or a value that the
            network cannot have.
    """
    chosen = preset(name)
    options = _checked_options(name, chosen.backbone, {**chosen.options, **options})
    rngs = nnx.Rngs(seed)
    try:
        backbone = chosen.backbone(**options, rngs=rngs)
    except ValueError as error:
        raise InputError(f"model {name}: {error} (model.input_size, model.options)") from error
    return Classifier(backbone, num_classes, rngs=rngs)


def create_text(name: str, *, seed: int = 0, **options: Any) -> CLIPText:
    """The text tower of a CLIP, under the name of its image tower, with random weights.

    Raises:
        InputError: there is no such CLIP.
    """
    if name not in CLIP_TEXTS:
        raise InputError(unknown("CLIP", name, CLIP_TEXTS, "model.name"))
    return CLIPText(**{**CLIP_TEXTS[name], **options}, rngs=nnx.Rngs(seed))


def preset(name: str) -> Preset:
    if name not in PRESETS:
        raise InputError(unknown("model", name, PRESETS, "model.name"))
    return PRESETS[name]


def _checked_options(
    name: str, backbone: Callable[..., Backbone], options: Mapping[str, Any]
) -> dict[str, Any]:
    known = dict(inspect.signature(backbone.__init__).parameters)
    del known["self"], known["rngs"]
    for option in options:
        if option not in known:
            raise InputError(unknown(f"option of {name}", option, known, "model.options"))
    needed = [key for key, value in known.items() if value.default is value.empty]
    missing = [key for key in needed if key not in options]
    if missing:
        raise InputError(
            f"model {name} needs model.options.{', model.options.'.join(missing)} "
            f"(of a command: --options={'=..., '.join(missing)}=...)"
        )
    hints, exact = (
        typing.get_type_hints(backbone.__init__, include_extras=extras) for extras in (False, True)
    )
    found = {
        option: _checked_option(hints[option], value, f"model.options.{option}")
        for option, value in options.items()
    }
    for option, value in found.items():
        if Share not in typing.get_args(exact[option]):
            _check_above_zero(value, f"model.options.{option}")
    return found


def _checked_option(hint: Any, value: Any, where: str) -> Any:
    if hint not in (int, float, bool, str) and typing.get_origin(hint) not in (typing.Literal, tuple):
        return value  # a dtype
    return checked(hint, value, where)


def _check_above_zero(value: Any, where: str) -> None:
    if any(type(number) in (int, float) and not number > 0 for number in _flat(value)):
        raise InputError(f"{where} is {value}; it must be above 0")


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield value
