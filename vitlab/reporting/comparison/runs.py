"""The runs that are to be compared: read, held against each other, and brought onto the same images."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vitlab import records
from vitlab.data import PARTS, read_split
from vitlab.errors import InputError
from vitlab.evaluation import Predictions, common_images, load_predictions, same_images
from vitlab.reporting.comparison.candidates import Candidate, Compared, Run
from vitlab.reporting.comparison.recipes import (
    is_of_folds,
    pooled_over_folds,
    recipes_of,
    refuse_other_folds,
)
from vitlab.reporting.results import folder_size, read_log
from vitlab.run_directory import RunDirectory, read_json


def read_runs(paths: Sequence[Path], *, intersect: bool) -> Compared:
    """Every model of every run, on the same test images.

    Raises:
        InputError: a folder holds no finished run, or something in it is damaged; there is one model
            only, or copies of one; the runs have other classes; or their splits differ, without
            `intersect`.
    """
    runs = tuple(map(_read_run, _distinct(paths), _names(paths)))
    _refuse_other_classes(runs)
    candidates = [one for run in runs for one in _candidates(run)]
    over_folds = is_of_folds(runs)
    if not intersect:
        (refuse_other_folds if over_folds else _refuse_other_splits)(runs)
    if over_folds:
        candidates = pooled_over_folds(candidates)
    if len(candidates) < 2:
        raise InputError(
            f"{paths[0]} has one model, and nothing to compare it with; name more runs in --runs"
        )
    tested = {one.name: one.test for one in candidates}
    split_file = RunDirectory(runs[0].path).split
    split = read_split(split_file) if split_file.exists() else None
    paths_of = {} if split is None else dict(zip(split.table.ids, split.table.paths, strict=True))
    on_same = (common_images if intersect else same_images)(tested, paths_of)
    candidates = [_with_test(one, on_same[one.name]) for one in candidates]
    _refuse_one_model(candidates)
    return Compared(
        runs,
        tuple(candidates),
        runs[0].class_names,
        split,
        {one.run.name: len(tested[one.name]) - len(one.test) for one in candidates} if intersect else {},
    )


def _distinct(paths: Sequence[Path]) -> Sequence[Path]:
    seen: dict[Path, Path] = {}
    for path in paths:
        if path.resolve() in seen:
            raise InputError(f"--runs names {path} twice; name each run once")
        seen[path.resolve()] = path
    return paths


def _names(paths: Sequence[Path]) -> list[str]:
    """The folders' names, with as many of those above them as it takes to tell them apart."""
    whole = [path.resolve().parts for path in paths]
    depth = 1
    while len({parts[-depth:] for parts in whole}) < len(whole):
        depth += 1
    return ["/".join(parts[-depth:]) for parts in whole]


def _read_run(path: Path, name: str) -> Run:
    folder = RunDirectory(path)
    config = folder.read_finished("--runs")
    first = next(iter(config.phases))
    class_names = _card(folder, first)["class_names"]
    if not class_names:
        raise InputError(f"{folder.model(first)} names no classes; train the run again")
    return Run(
        name,
        path,
        config,
        folder.manifest,
        _object(folder.network, records.Network, _DISPENSABLE) if folder.network.exists() else {},
        _object(folder.analysis, records.Analysis, _DISPENSABLE) if folder.analysis.exists() else {},
        read_log(folder.log),
        tuple(class_names),
        _split_hash(folder, class_names),
    )


def _split_hash(folder: RunDirectory, class_names: Sequence[str]) -> str:
    """Of split.csv as it is now, which must be the one that was trained on; as noted, if it is gone."""
    noted = folder.manifest.get("split_hash")
    if noted and not folder.split.exists():
        return str(noted)
    split = read_split(folder.split)
    found = split.hash
    if noted and found != noted:
        raise InputError(
            f"{folder.split} has changed since the run was trained (its hash was {noted[:12]}, and is "
            f"{found[:12]}); put it back, or train the run again"
        )
    foreign = sorted(set(split.table.class_names) - set(class_names))
    if foreign:
        raise InputError(
            f"{folder.split} has the class {foreign[0]!r}, which the run's model does not have; put the "
            "split back that it was trained on, or train the run again"
        )
    return found


def _candidates(run: Run) -> list[Candidate]:
    folder = RunDirectory(run.path)
    only = len(run.config.phases) == 1
    found = []
    for phase in run.config.phases:
        predictions = {part: load_predictions(folder.predictions(phase, part)) for part in PARTS}
        classes = predictions["test"].logits.shape[1]
        if classes != len(run.class_names):
            raise InputError(
                f"{folder.predictions(phase, 'test')} has {classes} classes, and the model "
                f"{len(run.class_names)}; train the run again"
            )
        found.append(
            Candidate(
                run.name if only else f"{run.name}/{phase}",
                run,
                phase,
                _card(folder, phase),
                predictions,
                folder_size(folder.checkpoints / phase) or None,
            )
        )
    return found


def _card(folder: RunDirectory, phase: str) -> dict[str, Any]:
    return _object(folder.model(phase) / "model.json", records.Card)


_DISPENSABLE = "take the file away, and the comparison does without it"


def _object(path: Path, kind: type, way_out: str = "train the run again") -> dict[str, Any]:
    if not path.exists():
        raise InputError(
            f"{path} is gone; take {path.parent} away, and repeat the command that made the run"
        )
    value: dict[str, Any] = read_json(path)
    records.refuse_other(kind, value, path, "it", way_out)
    return value


def _refuse_other_classes(runs: Sequence[Run]) -> None:
    first = runs[0]
    for run in runs[1:]:
        if run.class_names == first.class_names:
            continue
        differing = sorted(set(run.class_names) ^ set(first.class_names))
        where = f"{differing[0]!r} is a class of one alone" if differing else "their order differs"
        raise InputError(
            f"{first.name} and {run.name} have other classes ({len(first.class_names)} and "
            f"{len(run.class_names)}; {where}); only models of the same classes can be compared"
        )


def _refuse_other_splits(runs: Sequence[Run]) -> None:
    by_hash: dict[str, list[str]] = {}
    for run in runs:
        by_hash.setdefault(run.split_hash, []).append(run.name)
    if len(by_hash) > 1:
        groups = "; ".join(f"{', '.join(names)}: split {hash_[:12]}" for hash_, names in by_hash.items())
        raise InputError(
            f"the runs were tested on different splits ({groups}); train them on one split by "
            "--config.split.file, or compare them on the test images that they have in common by "
            "--intersect"
        )


def _refuse_one_model(candidates: Sequence[Candidate]) -> None:
    first, *others = recipes_of(candidates)
    if not others and len(first.models) == 1:
        raise InputError(
            f"{first.name}: they are one model, of the same recipe, seed and answers, and there is "
            "nothing to compare it with; name more runs in --runs"
        )


def _with_test(candidate: Candidate, test: Predictions) -> Candidate:
    return replace(candidate, predictions={**candidate.predictions, "test": test})
