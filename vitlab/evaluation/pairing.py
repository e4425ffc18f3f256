"""Predictions of several models brought onto the same images, row by row."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np

from vitlab.errors import InputError
from vitlab.evaluation.predictions import Predictions

NO_PATHS: Mapping[str, str] = MappingProxyType({})

Key = tuple[str, int]  # an image's id, and the how-manieth of its copies it is


def same_images(
    models: dict[str, Predictions], paths: Mapping[str, str] = NO_PATHS
) -> dict[str, Predictions]:
    """All in the order of the first; by `paths`, from the ids, an image is named in a message.

    Raises InputError, with the names, if one lacks an image of another, or gives it another label.
    """
    return _on(models, _keys(next(iter(models.values()))), paths, all_of_each=True)


def common_images(
    models: dict[str, Predictions], paths: Mapping[str, str] = NO_PATHS
) -> dict[str, Predictions]:
    """On the images that all have, in the order of the first.

    Raises InputError if there is none, or if one has another label in two models.
    """
    first, *others = (_keys(model) for model in models.values())
    known = [set(keys) for keys in others]
    shared = [key for key in first if all(key in keys for keys in known)]
    if not shared:
        raise InputError(f"{', '.join(models)} have no test image in common")
    return _on(models, shared, paths, all_of_each=False)


def _on(
    models: dict[str, Predictions], keys: list[Key], paths: Mapping[str, str], *, all_of_each: bool
) -> dict[str, Predictions]:
    result: dict[str, Predictions] = {}
    (leader, first), *_ = models.items()
    for name, model in models.items():
        if model.logits.shape[1] != first.logits.shape[1]:
            raise InputError(
                f"{leader} has {first.logits.shape[1]} classes and {name} {model.logits.shape[1]}; "
                "only models of the same classes can be compared"
            )
        places = {key: row for row, key in enumerate(_keys(model))}
        missing = [key for key in keys if key not in places]
        if missing or (all_of_each and len(places) != len(keys)):
            raise InputError(
                f"{leader} and {name} were not tested on the same images: {len(missing)} of the "
                f"{len(keys)} of {leader} are not among the {len(places)} of {name}"
            )
        result[name] = model.select(np.array([places[key] for key in keys]))
        differing = np.flatnonzero(result[name].labels != result[leader].labels)
        if len(differing):
            id_ = str(result[name].ids[differing[0]])
            raise InputError(
                f"{leader} and {name} give the image {paths.get(id_, id_)} different labels "
                f"({len(differing)} images have such)"
            )
    return result


def _keys(predictions: Predictions) -> list[Key]:
    """A file that is there twice is one id twice."""
    return list(_numbered(predictions.ids.tolist()))


def _numbered(ids: Iterable[str]) -> Iterable[Key]:
    seen: dict[str, int] = {}
    for identity in ids:
        seen[identity] = seen.get(identity, -1) + 1
        yield identity, seen[identity]
