"""Which runs are the same but for one thing: the seed, the fold, the augmentation."""

import dataclasses
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitlab.augmentation_settings import Augmentation
from vitlab.config import Config
from vitlab.errors import InputError
from vitlab.evaluation import Predictions
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Candidate, Run

# What no weight depends on, and the split, which all runs share or are folds of.
_OF_NO_MATTER = ("split", "report", "checkpoint_seconds", "fsdp")


def recipe(config: Config, *, augmentation: bool = True) -> str:
    """All that a config says of how the weights come about, but for the seed; as text to compare.

    Without `augmentation`, how training images change is left out too.
    """
    if not augmentation:
        plain = {
            name: dataclasses.replace(phase, augmentation=Augmentation(), views=0)
            for name, phase in config.phases.items()
        }
        config = dataclasses.replace(config, phases=plain)
    values = dataclasses.asdict(config)
    for key in ("seed", *_OF_NO_MATTER):
        del values[key]
    del values["dataset"]["device_gib"]
    return json.dumps(values)


@dataclass(frozen=True)
class Recipe:
    """Models that differ in their seed only (S2-17); most often there is one."""

    name: str
    models: tuple[Candidate, ...]


def recipes_of(candidates: Sequence[Candidate]) -> list[Recipe]:
    """In the order of their first models. A seed that is there again begins another recipe: something
    that no config says sets the two apart."""
    groups: dict[tuple[str, str, int], list[Candidate]] = {}
    seen: dict[tuple[str, str, int], int] = {}
    for one in candidates:
        key = (recipe(one.run.config), one.phase, one.run.config.seed)
        place = seen[key] = seen.get(key, -1) + 1
        groups.setdefault((*key[:2], place), []).append(one)
    names = [_name_of_seeds(group) for group in groups.values()]
    return [
        Recipe(name if names.count(name) == 1 else ", ".join(one.name for one in group), tuple(group))
        for name, group in zip(names, groups.values(), strict=True)
    ]


def _name_of_seeds(group: Sequence[Candidate]) -> str:
    if len(group) == 1:
        return group[0].name
    return Message("{name} ({seeds} seeds)", name=_common_name(group), seeds=len(group))


def _common_name(group: Sequence[Candidate]) -> str:
    """What the names of the runs begin with, and the phase if there are several."""
    first, names = group[0], [one.run.name for one in group]
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    common = "".join(letters[0] for letters in alike).rstrip(" _-./") or first.run.name
    phase = f"/{first.phase}" if len(first.run.config.phases) > 1 else ""
    return f"{common}{phase}"


def augmented_pairs(candidates: Sequence[Candidate]) -> list[tuple[Candidate, Candidate]]:
    """Models without and with augmentation that differ in nothing else, the seed included (S1-03)."""
    groups: dict[tuple[str, str, int], list[Candidate]] = {}
    for one in candidates:
        key = (recipe(one.run.config, augmentation=False), one.phase, one.run.config.seed)
        groups.setdefault(key, []).append(one)
    return [
        (plain, changed)
        for group in groups.values()
        for plain in group
        for changed in group
        if not is_augmented(plain) and is_augmented(changed)
    ]


def is_augmented(candidate: Candidate) -> bool:
    """Whether the training images changed in the phase, or in one that it goes on from."""
    phases = list(candidate.run.config.phases)
    until = phases[: phases.index(candidate.phase) + 1]
    return any(candidate.run.config.phases[name].augmentation for name in until)


# ------------------------------------------------------------------------------------- folds


def is_of_folds(runs: Sequence[Run]) -> bool:
    """Whether the runs are folds of one cross-validation, and not all the same fold."""
    splits = [run.config.split for run in runs]
    return all(split.folds for split in splits) and len({split.fold for split in splits}) > 1


def refuse_other_folds(runs: Sequence[Run]) -> None:
    """Raises InputError if two runs of one fold were tested on different images."""
    first: dict[int, Run] = {}
    for run in runs:
        fold = run.config.split.fold
        known = first.setdefault(fold, run)
        if known.split_hash != run.split_hash:
            raise InputError(
                f"{known.name} and {run.name} are both fold {fold}, of different splits "
                f"({known.split_hash[:12]} and {run.split_hash[:12]}); give all runs the same seed, or "
                "compare them on the test images that they have in common by --intersect"
            )


def pooled_over_folds(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate for all folds of a recipe and phase, whose test part is that of all of them.

    Raises:
        InputError: recipes have other folds, or one has a fold twice.
    """
    groups: dict[tuple[str, str], dict[int, Candidate]] = {}
    for one in candidates:
        folds = groups.setdefault((recipe(one.run.config), one.phase), {})
        fold = one.run.config.split.fold
        if fold in folds:
            raise InputError(
                f"{folds[fold].name} and {one.name} are the same model on the same fold {fold}; "
                "name one of them in --runs"
            )
        folds[fold] = one
    first = next(iter(groups.values()))
    for group in groups.values():
        if set(group) != set(first):
            one, other = next(iter(first.values())), next(iter(group.values()))
            raise InputError(
                f"{one.name} was trained on the folds {_listed(first)}, and {other.name} on "
                f"{_listed(group)}; models are compared on the same folds"
            )
    return [_pooled([group[fold] for fold in sorted(group)]) for group in groups.values()]


def _listed(folds: dict[int, Candidate]) -> str:
    return ", ".join(map(str, sorted(folds)))


def _pooled(folds: list[Candidate]) -> Candidate:
    first = folds[0]
    return dataclasses.replace(
        first,
        name=Message("{name} ({folds} folds)", name=_common_name(folds), folds=len(folds)),
        predictions={
            part: _joined([one.predictions[part] for one in folds]) for part in first.predictions
        },
        folds=tuple(folds),
    )


def _joined(parts: Sequence[Predictions]) -> Predictions:
    return Predictions(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.logits for part in parts]),
    )
