"""Every network by name: `create("vit_ti16", num_classes=10)`."""

import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flax import nnx
from jaxtyping import Array, Key

from vitlab.errors import InputError
from vitlab.models.classifier import LINEAR, Classifier, HeadSettings
from vitlab.models.clip import CLIPText
from vitlab.models.layers import RandomNumbers
from vitlab.models.presets import CLIP_TEXTS, PRESETS, Preset, needed_by, options_of
from vitlab.names import unknown
from vitlab.typed import Share, checked
from vitlab.weights import check_size

DTYPES = ("float32", "bfloat16", "float16", "float64")  # that a network can compute in
LARGEST_NUMBER = 50_000  # of an option; twice the widest layer of a ViT-22B


def create(
    name: str,
    *,
    num_classes: int,
    seed: int | Key[Array, ""] = 0,
    head: HeadSettings = LINEAR,
    **options: Any,
) -> Classifier:
    """A network with random weights that depend on `seed`, or the key that it makes, alone.

    Raises:
        InputError: an unknown name or option, an option that is missing, or a value that the
            network or its head cannot have.
    """
    chosen = preset(name)
    _check_head(head)
    options = _checked_options(name, chosen.backbone, {**chosen.options, **options}, "model.options")
    rngs = RandomNumbers(seed)
    try:
        backbone = chosen.backbone(**options, rngs=rngs)
    except ValueError as error:
        raise InputError(
            f"model {name}: {error} (model.input_size or --input_size, model.options or --options)"
        ) from error
    return Classifier(backbone, num_classes, head, rngs=rngs)


def create_text(name: str, *, seed: int = 0, **options: Any) -> CLIPText:
    """The text tower of a CLIP, under the name of its image tower, with random weights.

    Raises:
        InputError: there is no such CLIP or option, or a value that the tower cannot have.
    """
    if name not in CLIP_TEXTS:
        raise InputError(unknown("CLIP", name, CLIP_TEXTS, "model.name"))
    tower = f"the text tower of {name}"
    options = _checked_options(tower, CLIPText, {**CLIP_TEXTS[name], **options}, "options")
    try:
        return CLIPText(**options, rngs=RandomNumbers(seed))
    except ValueError as error:
        raise InputError(f"{tower}: {error} (options)") from error


def preset(name: str) -> Preset:
    if name not in PRESETS:
        raise InputError(unknown("model", name, PRESETS, "model.name or --model"))
    return PRESETS[name]


def _check_head(head: HeadSettings) -> None:
    if not 0 <= head.hidden <= LARGEST_NUMBER:
        raise InputError(f"model.hidden is {head.hidden}; it must be from 0 to {LARGEST_NUMBER:,}")
    if not 0 <= head.dropout < 1:
        raise InputError(f"model.dropout is {head.dropout:g}; it must be from 0 to below 1")


def _checked_options(
    name: str, network: Callable[..., nnx.Module], options: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """`where` is what the options are a part of, for messages."""
    known = options_of(network)
    for option in options:
        if option not in known:
            raise InputError(unknown(f"option of {name}", option, known, where))
    missing = [option for option in needed_by(network) if option not in options]
    if missing:
        raise InputError(
            f"model {name} needs model.options.{', model.options.'.join(missing)} "
            f"(of vitlab.convert and vitlab.summary --model: --options={'=..., '.join(missing)}=...)"
        )
    hints, exact = (
        typing.get_type_hints(network.__init__, include_extras=extras) for extras in (False, True)
    )
    for size in _numbers(options.get("input_size")):
        check_size(size)
    found = {
        option: _checked_option(hints[option], value, f"{where}.{option}")
        for option, value in options.items()
    }
    for option, value in found.items():
        if Share not in typing.get_args(exact[option]):
            _check_above_zero(value, f"{where}.{option}")
    return found


def _checked_option(hint: Any, value: Any, where: str) -> Any:
    if hint not in (int, float, bool, str) and typing.get_origin(hint) not in (typing.Literal, tuple):
        return _checked_dtype(value, where)
    for number in _numbers(value):
        if not abs(number) <= LARGEST_NUMBER:
            raise InputError(f"{where}: a number must be finite, at most {LARGEST_NUMBER:,}")
    return checked(hint, value, where)


def _checked_dtype(value: Any, where: str) -> Any:
    """A name, or the type that JAX has under the name, such as `jnp.bfloat16`."""
    name = value if isinstance(value, str) else getattr(value, "__name__", repr(value))
    if name not in DTYPES:
        raise InputError(f"{where} is {name}; it must be {', '.join(DTYPES[:-1])} or {DTYPES[-1]}")
    return value


def _check_above_zero(value: Any, where: str) -> None:
    if any(not number > 0 for number in _numbers(value)):
        raise InputError(f"{where} is {value}; it must be above 0")


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _numbers(part)
    elif type(value) in (int, float):
        yield value
