"""Everything that a comparison says, as JSON: `comparison.json`, of which the page shows a part."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlab.data import HARD, PARTS
from vitlab.errors import InputError
from vitlab.evaluation import (
    FEWEST_IMAGES,
    MOST_RANKED_IMAGES,
    OF_RANKS,
    RANK_RESAMPLES,
    class_reading,
    evaluate,
    figure_estimates,
    headline,
    is_resampled,
    kappa_reading,
)
from vitlab.language import Message
from vitlab.reporting.comparison.calibrations import calibrations
from vitlab.reporting.comparison.candidates import Candidate, Compared
from vitlab.reporting.comparison.changed import ALL_PAIRS, changed, last_models
from vitlab.reporting.comparison.costs import costs, latencies
from vitlab.reporting.comparison.differences import augmentation_effects, paired_tests
from vitlab.reporting.comparison.pretraining import pretraining_warnings
from vitlab.reporting.comparison.recipes import Recipe, is_augmented, missing_folds, recipes_of
from vitlab.reporting.comparison.repetitions import fold_tests, folds, repetitions
from vitlab.reporting.comparison.suspects import suspects
from vitlab.reporting.comparison.verdicts import (
    alike_on_validation,
    cautions,
    seed_tests,
    selection,
    tied_with_first,
    told_pairs,
    verdicts,
)
from vitlab.reporting.reported import reported_row

TOP = "top_5_accuracy"


def facts(compared: Compared, tested: Sequence[str], seed: int, resamples: int) -> dict[str, Any]:
    """Lists of rows by what they are about; `None` where something is not known or not defined.

    `tested` are figures that pairs are tested by beside the accuracy, of TESTABLE.

    Raises:
        InputError: one of them takes too long on so many images.
    """
    slow = [figure for figure in tested if figure in OF_RANKS]
    if slow and compared.n > MOST_RANKED_IMAGES:
        raise InputError(
            f"{slow[0]} (--tests) takes too long to be resampled on more than {MOST_RANKED_IMAGES} test "
            f"images, and these are {compared.n}; leave it out"
        )
    every = [
        {
            **{part: headline(one.predictions[part]) for part in PARTS if part != "test"},
            "test": evaluate(one.test, compared.class_names),
        }
        for one in compared.candidates
    ]
    recipes = recipes_of(compared.candidates)
    pairs = paired_tests(compared, recipes, tested, seed, resamples)
    over_seeds = seed_tests(recipes, tested, seed, resamples)
    over_folds = fold_tests(recipes, tested)
    told = verdicts(recipes, pairs, over_seeds, over_folds)
    by_name = dict(zip(compared.models, every, strict=True))
    spent = costs(compared.candidates)
    chosen_by = selection(recipes, by_name, told)
    chosen = next(recipe for recipe in recipes if recipe.name == chosen_by[0]["model"])
    return {
        "n": compared.n,
        "class_names": list(compared.class_names),
        "untested_classes": _classes_without_images(compared),
        "left_out": dict(compared.left_out),
        "has_other_splits": compared.has_other_splits,
        "pretraining": pretraining_warnings(compared.runs),
        "split_hashes": sorted({run.split_hash for run in compared.runs}),
        "bootstrap": {
            "seed": seed,
            "resamples": resamples,
            "rank_resamples": min(resamples, RANK_RESAMPLES),
        },
        "models": [_model(number, one) for number, one in enumerate(compared.candidates, 1)],
        "selection": _with_members(chosen_by, recipes),
        "tied_with_chosen": tied_with_first(chosen_by),
        "alike_on_validation": alike_on_validation(chosen_by),
        "verdicts": sorted(told, key=lambda row: chosen.name not in (row["first"], row["second"])),
        "cautions": cautions(recipes, over_seeds, over_folds),
        "tested": {
            "models": _families(pairs, tested),
            "seeds": _families(over_seeds, tested),
            "folds": _families(over_folds, tested),
        },
        "tested_figures": ["accuracy", *tested],
        "untested_figures": _figures_without_test(compared, tested, [*pairs, *over_seeds, *over_folds]),
        "figures": _figures(compared, every, seed, resamples),
        "parts": _parts(compared, every),
        "pairs": told_pairs(recipes, pairs, told, [*over_seeds, *over_folds]),
        "classes": _classes(compared, every),
        "readings": _readings(chosen.models[0], by_name, compared.class_names),
        "confusions": {
            one.name: _cells(parts["test"]["confusion_matrix"])
            for one, parts in zip(compared.candidates, every, strict=True)
        },
        "reliability": {
            one.name: parts["test"]["reliability"]
            for one, parts in zip(compared.candidates, every, strict=True)
        },
        "calibration": calibrations(compared.candidates),
        "hard_groups": _hard_groups(compared),
        "split_is_gone": compared.split is None,
        **suspects(compared),
        "changes": changed(compared, recipes, chosen),
        "changes_from_chosen": len(last_models(recipes)) > ALL_PAIRS,
        "augmentation": augmentation_effects(recipes, told),
        "repeats": repetitions(recipes),
        "seed_tests": over_seeds,
        "folds": folds(compared.candidates),
        "fold_tests": over_folds,
        "missing_folds": missing_folds(compared.candidates),
        "costs": spent,
        "reported": _reported(compared.candidates, every, spent),
        "latency": latencies(recipes, chosen_by),
    }


def _classes_without_images(compared: Compared) -> list[str]:
    """The classes that no test image is of."""
    counts = np.bincount(compared.candidates[0].test.labels, minlength=len(compared.class_names))
    return [name for name, n in zip(compared.class_names, counts.tolist(), strict=True) if not n]


def _families(rows: Sequence[dict[str, Any]], tested: Sequence[str]) -> dict[str, int]:
    """How many pairs Holm's correction is over, by figure."""
    with_p = [row["figure"] for row in rows if row["p"] is not None]
    return {figure: with_p.count(figure) for figure in ("accuracy", *tested)}


def _figures_without_test(
    compared: Compared, tested: Sequence[str], rows: Sequence[dict[str, Any]]
) -> list[dict[str, str]]:
    """Why pairs have no test by a figure at all, though by others they have."""
    with_p = {row["figure"] for row in rows if row["p"] is not None}
    with_difference = {row["figure"] for row in rows if row["difference"] is not None}
    labels = compared.candidates[0].test.labels

    def reason(figure: str) -> Message:
        if figure in with_difference:
            return Message("their differences do not vary")
        if is_resampled(figure, labels):
            return Message("not defined for these models on these images")
        if len(labels) < FEWEST_IMAGES:
            return Message("too few test images")
        return Message("too many classes have a single test image")

    untested = [figure for figure in tested if rows and figure not in with_p]
    return [{"figure": figure, "reason": reason(figure)} for figure in untested]


def _model(number: int, one: Candidate) -> dict[str, Any]:
    config, origin = one.run.config, one.card.get("origin") or {}
    return {
        "number": number,
        "model": one.name,
        "run": one.run.name,
        "phase": one.phase,
        "network": config.model.name,
        "weights": str(origin.get("weights") or config.model.weights) or None,
        "augmented": is_augmented(one),
        "seed": config.seed,
        "batch_size": one.run.manifest.get("batch_size", config.batch_size),
        "best_epoch": None if one.folds else (one.card.get("trained") or {}).get("best_epoch"),
        "workdir": str(one.run.path),
        "vitlab": one.run.manifest.get("vitlab"),
    }


def _with_members(rows: Sequence[dict[str, Any]], recipes: Sequence[Recipe]) -> list[dict[str, Any]]:
    """With the models that each recipe is made of: their names, and those with their copies'."""
    made = {one.name: ([model.name for model in one.models], one.made_of) for one in recipes}
    return [row | dict(zip(("members", "made_of"), made[row["model"]], strict=True)) for row in rows]


def _figures(
    compared: Compared, every: Sequence[dict[str, Any]], seed: int, resamples: int
) -> list[dict[str, Any]]:
    """Of the test part: each figure, its interval where it has one, and why where it has none."""
    models = [one.test for one in compared.candidates]
    estimates = figure_estimates(models, seed, resamples)
    shares = ("accuracy", TOP) if TOP in every[0]["test"] else ("accuracy",)  # Wilson's intervals
    rows = []
    for index, (one, parts) in enumerate(zip(compared.candidates, every, strict=True)):
        test = parts["test"]
        row: dict[str, Any] = {"number": index + 1, "model": one.name, "n": test["n"]}
        row |= {key: test[key] for share in shares for key in (share, f"{share}_interval")}
        notes = {}
        for name, estimate in estimates[index].items():
            row |= {name: estimate.value, f"{name}_interval": estimate.interval}
            notes[name] = estimate.note
        kappa = row["kappa"]
        row["kappa_reading"] = None if kappa is None else kappa_reading(kappa)
        row |= {name: test[name] for name in OF_RANKS}  # in float64, which the resamples are not
        row["no_interval"] = {name: note for name, note in notes.items() if note}
        rows.append(row)
    return rows


def _parts(compared: Compared, every: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accuracy, loss and kappa on each part (S0-19, S2-29)."""
    return [
        {"number": number, "model": one.name}
        | {
            f"{part}_{key}": parts[part][key]
            for part in PARTS
            for key in ("n", "accuracy", "loss", "kappa")
        }
        for number, (one, parts) in enumerate(zip(compared.candidates, every, strict=True), 1)
    ]


def _reported(
    candidates: Sequence[Candidate], every: Sequence[dict[str, Any]], spent: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Models of which a study reported figures, beside them. The costs of folds are those of several."""
    rows = []
    for one, parts, cost in zip(candidates, every, spent, strict=True):
        reported = one.run.config.report.reported
        row = reported_row(reported, one.phase, parts, {} if one.folds else cost)
        if row is not None:
            rows.append({"number": cost["number"], "model": one.name, **row})
    return rows


def _classes(compared: Compared, every: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The classification reports of all models side by side (S0-21), with their means."""
    rows = []
    for name in compared.class_names:
        row = {"class": name, "n": every[0]["test"]["classes"][name]["n"]}
        for number, parts in enumerate(every, 1):
            found = parts["test"]["classes"][name]
            row |= {f"{number}_{key}": found[key] for key in ("precision", "recall", "f1")}
        rows.append(row)
    for mean, title in (("macro", Message("macro mean")), ("weighted", Message("weighted mean"))):
        row = {"class": title, "n": compared.n}
        for number, parts in enumerate(every, 1):
            row |= {f"{number}_{key}": parts["test"][mean][key] for key in ("precision", "recall", "f1")}
        rows.append(row)
    return rows


def _readings(
    one: Candidate, every: Mapping[str, dict[str, Any]], names: Sequence[str]
) -> dict[str, Any]:
    matrix = np.array(every[one.name]["test"]["confusion_matrix"])
    return {"model": one.name, "classes": class_reading(matrix, names)}


def _cells(matrix: list[list[int]]) -> list[list[int]]:
    """Of a confusion matrix the cells that have images: [true class, answer, images]."""
    counts = np.array(matrix)
    places = np.argwhere(counts)
    return np.column_stack([places, counts[counts > 0]]).tolist()


def _hard_groups(compared: Compared) -> list[dict[str, Any]]:
    """Each model on each named group of test images (S2-03)."""
    if compared.split is None:
        return []
    table = compared.split.table
    group_of = dict(zip(table.ids, table.column(HARD), strict=True))
    groups = np.array([group_of.get(id_, "") for id_ in compared.candidates[0].test.ids], dtype=object)
    rows = []
    for group in sorted(set(groups) - {""}):
        for number, one in enumerate(compared.candidates, 1):
            found = evaluate(one.test.select(np.flatnonzero(groups == group)), compared.class_names)
            rows.append(
                {"number": number, "model": one.name, "group": group}
                | {key: found[key] for key in ("n", "accuracy", "accuracy_interval", "loss")}
            )
    return rows
