"""The catalogue for people to read."""

from collections.abc import Callable

from vitlab.errors import InputError
from vitlab.names import unknown
from vitlab.text_table import UNKNOWN, text_table
from vitlab.weights.catalogue.checkpoint import Checkpoint

COLUMNS: dict[str, Callable[[Checkpoint], str | float | None]] = {
    "name": lambda one: one.name,
    "trained on": lambda one: one.data.replace("ImageNet", "IN"),
    "licence": lambda one: one.licence,
    "px": lambda one: one.preprocessing.size,
    "top-1": lambda one: one.top1,
    "top-5": lambda one: one.top5,
    "MiB": lambda one: one.mebibytes and round(one.mebibytes),
}


def table(catalogue: dict[str, Checkpoint], model: str = "") -> str:
    """A line per checkpoint, of one network or of all, those of a network together; 100 columns are
    enough.

    Raises:
        InputError: there is no checkpoint of that network.
    """
    models = list(dict.fromkeys(checkpoint.model for checkpoint in catalogue.values()))
    if model and model not in models:
        raise InputError(unknown("network with a checkpoint", model, models, "--model"))
    chosen = [one for one in catalogue.values() if not model or one.model == model]
    chosen.sort(key=lambda one: models.index(one.model))
    rows = [[_shown(column(one)) for column in COLUMNS.values()] for one in chosen]
    return text_table(list(COLUMNS), rows, left=3)


def facts(catalogue: dict[str, Checkpoint], name: str) -> str:
    """All that is known of one checkpoint, a fact a line.

    Raises:
        InputError: there is no such name.
    """
    if name not in catalogue:
        raise InputError(unknown("weights", name, catalogue, "--weights"))
    one = catalogue[name]
    crop = f"{one.preprocessing.crop:.4g} of the shorter side"
    rows = {
        "name": one.name,
        "network": one.model,
        "publisher": one.publisher,
        "address": one.address,
        "licence": one.licence,
        "trained on": one.data,
        "input": f"{one.preprocessing.size} pixels, {one.preprocessing.interpolation}, {crop}",
        "options": ", ".join(f"{key}={value}" for key, value in one.options.items()) or None,
        "top-1, top-5": f"{_shown(one.top1)}, {_shown(one.top5)} (by {one.source})"
        if one.top1
        else None,
        "MiB": one.mebibytes,
        "stated hash": one.stated_hash,
    }
    return "\n".join(f"{title:14}{_shown(value)}" for title, value in rows.items())


def _shown(value: str | float | None) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return UNKNOWN if value is None else str(value)
