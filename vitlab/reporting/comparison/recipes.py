"""Which runs are the same but for one thing: the seed, the fold, the augmentation."""

import dataclasses
import itertools
import json
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vitlab.augmentation_settings import Augmentation
from vitlab.config import Config
from vitlab.errors import InputError
from vitlab.evaluation import LEAST_SEEDS, Predictions
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Candidate, Run

# What no weight depends on, and the split, of which a run's hash says more.
_COUNTED = re.compile(r"([ _\-./](seeds?|s|folds?|f))?[ _\-./]*$", re.IGNORECASE)
_OF_NO_MATTER = ("split", "report", "checkpoint_seconds", "fsdp")


def recipe(config: Config, phase: str = "", *, augmentation: bool = True) -> str:
    """All that a config says of how the weights come about, but for the seed; as text to compare.

    Of the weights that a `phase` ends with nothing matters that comes after it. Without `augmentation`,
    how training images change is left out too.
    """
    if phase:
        names = list(config.phases)
        until = names[: names.index(phase) + 1]
        config = dataclasses.replace(config, phases={name: config.phases[name] for name in until})
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
    """Models of one split that differ in their seed only (S2-17); most often there is one.

    `number` is that of the first model in the comparison; `copies` are, by the name of a model, the
    others that are the same.
    """

    name: str
    number: int
    models: tuple[Candidate, ...]
    copies: Mapping[str, Sequence[str]]

    @property
    def made_of(self) -> list[str]:
        """The names of the models, each with those of its copies: `vit0 = vit0_again`."""
        return [" = ".join([one.name, *self.copies.get(one.name, [])]) for one in self.models]

    @property
    def is_over_folds(self) -> bool:
        return bool(self.models[0].folds)

    @property
    def is_one_training(self) -> bool:
        """Of such a recipe no more is known than its one trained model."""
        return len(self.models) == 1 and not self.is_over_folds

    @property
    def seeds(self) -> set[int]:
        return {one.run.config.seed for one in self.models}

    @property
    def accuracy(self) -> float:
        """On the test part, in the mean of the models."""
        return float(np.mean([(one.test.answers == one.test.labels).mean() for one in self.models]))


def recipes_of(candidates: Sequence[Candidate]) -> list[Recipe]:
    """In the order of their first models.

    A seed that is there again begins another recipe: something that no config says sets the two apart.
    So does another split, whose training images set its models apart too. But where that gave the same
    model, as in a copy of a run, or in a phase that several runs have in common before they part, it
    counts once; the name says which others it is.
    """
    groups: dict[tuple[Hashable, int], list[Candidate]] = {}
    seen: dict[tuple[Hashable, int], list[Candidate]] = {}
    copies: dict[str, list[str]] = {}
    for one in candidates:
        key = (recipe(one.run.config, one.phase), one.phase, one.splits)
        before = seen.setdefault((key, one.run.config.seed), [])
        original = next((other for other in before if _are_equal(one, other)), None)
        if original is not None:
            copies.setdefault(original.name, []).append(one.name)
            continue
        groups.setdefault((key, len(before)), []).append(one)
        before.append(one)
    names = [_name_of_seeds(group, copies) for group in groups.values()]
    numbers = {one.name: number for number, one in enumerate(candidates, 1)}
    return [
        Recipe(
            name if names.count(name) == 1 else ", ".join(one.name for one in group),
            numbers[group[0].name],
            tuple(group),
            {one.name: copies[one.name] for one in group if one.name in copies},
        )
        for name, group in zip(names, groups.values(), strict=True)
    ]


def _are_equal(one: Candidate, other: Candidate) -> bool:
    """Whether two models of one recipe, seed and split are the same, to the last digit."""
    return np.array_equal(one.test.logits, other.test.logits)


def _name_of_seeds(group: Sequence[Candidate], copies: Mapping[str, Sequence[str]]) -> str:
    if len(group) == 1:
        known_as = copies.get(group[0].name)
        return " = ".join([group[0].name, *known_as]) if known_as else group[0].name
    return Message("{name} ({seeds} seeds)", name=_common_name(group), seeds=len(group))


def _common_name(group: Sequence[Candidate]) -> str:
    """What the names of the runs begin with, without a last "_s" or "-fold" that their numbers
    follow; and the phase if there are several."""
    first, names = group[0], [one.run.name for one in group]
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    common = _COUNTED.sub("", "".join(letters[0] for letters in alike)) or first.run.name
    phase = f"/{first.phase}" if len(first.run.config.phases) > 1 else ""
    return f"{common}{phase}"


def augmented_pairs(recipes: Sequence[Recipe]) -> list[tuple[Recipe, Recipe]]:
    """Recipes without and with augmentation that differ in nothing else (S1-03).

    They share a seed, or have as many each as it takes to tell them apart from others.
    """
    groups: dict[Hashable, list[Recipe]] = {}
    for one in recipes:
        first = one.models[0]
        key = (recipe(first.run.config, first.phase, augmentation=False), first.phase, first.splits)
        groups.setdefault(key, []).append(one)
    return [
        (plain, changed)
        for group in groups.values()
        for plain in group
        for changed in group
        if not is_augmented(plain.models[0])
        and is_augmented(changed.models[0])
        and (plain.seeds & changed.seeds or min(map(len, (plain.seeds, changed.seeds))) >= LEAST_SEEDS)
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
            raise InputError(_fold_twice(folds[fold], one))
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


def _fold_twice(first: Candidate, second: Candidate) -> str:
    fold, seeds = first.run.config.split.fold, [one.run.config.seed for one in (first, second)]
    if seeds[0] == seeds[1]:
        return (
            f"{first.name} and {second.name} are the same model on the same fold {fold}; "
            "name one of them in --runs"
        )
    return (
        f"{first.name} and {second.name} are one recipe on the same fold {fold}, trained with the seeds "
        f"{seeds[0]} and {seeds[1]}; over folds a recipe is compared with one training of each fold: "
        "name the runs of one seed in --runs"
    )


def missing_folds(candidates: Sequence[Candidate]) -> list[int]:
    """The folds of the cross-validation that no run is of; the images they test are not compared."""
    folds = candidates[0].folds
    given = {one.run.config.split.fold for one in folds}
    return sorted(set(range(folds[0].run.config.split.folds)) - given) if folds else []


def _listed(folds: dict[int, Candidate]) -> str:
    return ", ".join(map(str, sorted(folds)))


def _pooled(folds: list[Candidate]) -> Candidate:
    first = folds[0]
    return dataclasses.replace(
        first,
        name=_name_of_folds(folds),
        predictions={
            part: _joined([one.predictions[part] for one in folds]) for part in first.predictions
        },
        folds=tuple(folds),
    )


def _name_of_folds(folds: Sequence[Candidate]) -> Message:
    name, count, every = _common_name(folds), len(folds), folds[0].run.config.split.folds
    if count < every:
        return Message("{name} ({folds} of {every} folds)", name=name, folds=count, every=every)
    return Message("{name} ({folds} folds)", name=name, folds=count)


def _joined(parts: Sequence[Predictions]) -> Predictions:
    return Predictions(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.logits for part in parts]),
    )
