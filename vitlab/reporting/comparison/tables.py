"""The tables of a comparison, from its facts: which columns, under which titles."""

from typing import Any

from vitlab.evaluation import IN_POINTS
from vitlab.language import Message
from vitlab.reporting.reported import reported_table
from vitlab.reporting.tables import Column, Table

MODEL = (Column("number", "#", "count"), Column("model", "model"))
FIGURE_TITLES = {
    "accuracy": Message("accuracy"),
    "balanced_accuracy": Message("balanced accuracy"),
    "kappa": Message("kappa"),
    "matthews": Message("Matthews"),
    "macro.precision": Message("macro precision"),
    "macro.recall": Message("macro recall"),
    "macro.f1": Message("macro F1"),
    "weighted.precision": Message("weighted precision"),
    "weighted.recall": Message("weighted recall"),
    "weighted.f1": Message("weighted F1"),
    "loss": Message("loss"),
    "brier": Message("Brier"),
    "roc_auc": Message("ROC-AUC"),
    "average_precision": Message("average precision"),
}
MOST_NAMES = 5  # of classes in a cell
KINDS = {"gone": Message("gone"), "come": Message("come")}


def tables(facts: dict[str, Any]) -> dict[str, Table]:
    """By name; those without rows are left out. The last two rows of classes are their means."""
    every = [
        Table(
            name, MODEL + _known(columns, facts[name]), _named_figures(facts[name]), _MOST.get(name, 400)
        )
        for name, columns in _OF_MODELS.items()
    ] + [
        _selection(facts["selection"]),
        _all_pairs(facts["pairs"]),
        Table("classes", _classes(facts), facts["classes"][:-2], foot=facts["classes"][-2:]),
        Table("changes", _CHANGES, _changes(facts["changes"])),
        Table("confusions", _CONFUSIONS, _confusions(facts["changes"])),
        Table("augmentation", _AUGMENTATION, facts["augmentation"]),
        Table("repeats", _REPEATS, _named_figures(_seeds(facts["repeats"]))),
        Table("seed_tests", _SEED_TESTS, _named_figures(_in_points(facts["seed_tests"]))),
        Table("fold_tests", _FOLD_TESTS, _named_figures(_in_points(facts["fold_tests"]))),
        reported_table(facts["reported"], MODEL),
    ]
    return {table.name: table for table in every if table.rows}


def _known(columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> tuple[Column, ...]:
    """Without those that these classes do not have, as the five best of four."""
    return tuple(column for column in columns if rows and column.key in rows[0])


def _named_figures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"figure": FIGURE_TITLES[row["figure"]]} if "figure" in row else row for row in rows]


def _percent(*keys_and_titles: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(Column(key, title, "percent") for key, title in keys_and_titles)


def _numbers(*keys_and_titles: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(Column(key, title, "number") for key, title in keys_and_titles)


_SELECTION = (
    *_percent(("val_accuracy", "val accuracy")),
    *_numbers(("val_loss", "val loss")),
    *_percent(("accuracy", "test accuracy")),
    *_percent(("lowest", "lowest seed"), ("highest", "highest seed")),
    Column("against_chosen", "on the test, against the first"),
)
_TESTED = (
    Column("difference", "second − first; accuracy in points", "number"),
    Column("p", "p", "p"),
    Column("p_corrected", "p corrected", "p"),
    Column("better", "better"),
)
_PAIRS = (
    Column("figure", "by"),
    Column("first", "first"),
    Column("second", "second"),
    *_TESTED,
)
_NEEDED = (Column("needed_seeds", "seeds needed", "seeds"), Column("needed", "images needed", "images"))
_CHANGES = (
    Column("before", "from"),
    Column("after", "to"),
    Column("fixed_count", "fixed", "count"),
    Column("broken_count", "broken", "count"),
    Column("still_right", "still right", "count"),
    Column("still_wrong", "still wrong", "count"),
    Column("perfect", "classes now perfect", "words"),
    Column("imperfect", "no longer perfect", "words"),
)
_CONFUSIONS = (
    Column("from", "from"),
    Column("to", "to"),
    Column("kind", "confusion"),
    Column("label", "truth"),
    Column("answer", "answer"),
    Column("before", "images before", "count"),
    Column("after", "after", "count"),
)
_AUGMENTATION = (
    Column("without", "without augmentation"),
    Column("with", "with augmentation"),
    *_percent(("accuracy_without", "accuracy without"), ("accuracy_with", "with")),
    Column("difference", "with − without, points", "points"),
    Column("p_corrected", "p corrected", "p"),
)
_REPEATS = (
    Column("model", "model"),
    Column("figure", "figure"),
    Column("seeds_named", "seeds"),
    *_numbers(("mean", "mean"), ("deviation", "standard deviation")),
    Column("variance", "variance", "short"),
)
_SEED_TESTS = (
    Column("figure", "by"),
    Column("first", "first"),
    Column("second", "second"),
    Column("seeds", "seeds"),
    Column("test", "t-test"),
    *_numbers(("mean_first", "mean of the first"), ("mean_second", "of the second")),
    *_numbers(("error_of_seeds", "error of seeds"), ("error_of_images", "of images")),
    *_TESTED,
    *_NEEDED,
)
_FOLD_TESTS = (
    Column("figure", "by"),
    Column("first", "first"),
    Column("second", "second"),
    Column("folds", "folds", "count"),
    *_TESTED,
    Column("establishable", "would be established", "number"),
)

_MOST = {"label_errors": 30, "near_copies": 100}  # rows on the page
# Tables that have a row for each model, or some for each.
_OF_MODELS: dict[str, tuple[Column, ...]] = {
    "models": (
        Column("network", "network"),
        Column("phase", "phase"),
        Column("weights", "weights from"),
        Column("augmented", "augmented", "flag"),
        Column("seed", "seed", "plain"),
        Column("batch_size", "batch", "count"),
        Column("best_epoch", "best epoch", "count"),
    ),
    "figures": (
        Column("n", "n", "count"),
        *_percent(
            ("accuracy", "accuracy"), ("top_5_accuracy", "top 5"), ("balanced_accuracy", "balanced")
        ),
        *_numbers(("kappa", "kappa")),
        Column("kappa_reading", "reading"),
        *_numbers(
            ("matthews", "Matthews"),
            ("macro.precision", "precision"),
            ("macro.recall", "recall"),
            ("macro.f1", "F1"),
            ("weighted.precision", "weighted precision"),
            ("weighted.recall", "weighted recall"),
            ("weighted.f1", "weighted F1"),
            ("loss", "loss"),
            ("brier", "Brier"),
            ("ece", "ECE"),
            ("roc_auc", "ROC-AUC"),
            ("average_precision", "average precision"),
        ),
    ),
    "parts": (
        *_percent(
            ("train_accuracy", "train accuracy"), ("val_accuracy", "val"), ("test_accuracy", "test")
        ),
        *_numbers(
            ("train_loss", "train loss"),
            ("val_loss", "val"),
            ("test_loss", "test"),
            ("train_kappa", "train kappa"),
            ("val_kappa", "val"),
            ("test_kappa", "test"),
        ),
    ),
    "calibration": (
        *_numbers(
            ("temperature", "temperature"),
            ("ece_before", "ECE"),
            ("ece_after", "scaled"),
            ("loss_before", "loss"),
            ("loss_after", "scaled"),
            ("brier_before", "Brier"),
            ("brier_after", "scaled"),
        ),
        Column("note", "note", "words"),
    ),
    "label_errors": (
        Column("path", "image", "words"),
        Column("label", "label"),
        *_percent(("label_probability", "probable at")),
        Column("suggested", "likelier"),
        *_percent(("suggested_probability", "at")),
    ),
    "near_copies": (
        Column("path", "test image", "words"),
        Column("label", "label"),
        Column("answer", "answer"),
        *_percent(("probability", "at")),
        Column("copy", "training image", "words"),
        Column("copy_label", "label"),
        Column("likeness", "likeness", "number"),
    ),
    "hard_groups": (
        Column("group", "group"),
        Column("n", "n", "count"),
        *_percent(("accuracy", "accuracy")),
        *_numbers(("loss", "loss")),
    ),
    "costs": (
        Column("epochs", "epochs", "count"),
        Column("cumulative_epochs", "in total", "count"),
        Column("seconds", "time", "seconds"),
        Column("cumulative_seconds", "in total", "seconds"),
        Column("compiling_seconds", "of it compiling", "seconds"),
        Column("parameters", "parameters", "count"),
        Column("trainable", "trained", "count"),
        Column("weights_bytes", "weights", "bytes"),
        Column("checkpoint_bytes", "checkpoint", "bytes"),
    ),
    "latency": (
        Column("milliseconds", "ms an image", "short"),
        Column("timings", "runs timed", "count"),
        Column("gflops", "GFLOPs", "short"),
        *_percent(("accuracy", "test accuracy")),
        Column("on_front", "on the front", "flag"),
        Column("input_size", "pixels", "count"),
        Column("device", "device", "words"),
        Column("system", "system", "words"),
    ),
    "folds": (
        Column("figure", "figure"),
        Column("n", "folds", "count"),
        *_numbers(("mean", "mean"), ("deviation", "standard deviation")),
        Column("variance", "variance", "short"),
    ),
}

TITLES_OF_FIGURES = {column.key: column.title for column in _OF_MODELS["figures"]}


def _selection(rows: list[dict[str, Any]]) -> Table:
    """With the seeds, their number and the ends of their range, where there are several of a recipe."""
    of_seeds = (Column("seeds", "seeds", "count"), Column("made_of", "made of", "words"))
    columns = (Column("rank", "rank", "count"), *MODEL, *of_seeds, *_SELECTION)
    if all(row["seeds"] == 1 for row in rows):
        left_out = {one.key for one in of_seeds} | {"lowest", "highest"}
        columns = tuple(one for one in columns if one.key not in left_out)
    return Table("selection", columns, [_with_seeds(row) for row in rows])


def _with_seeds(row: dict[str, Any]) -> dict[str, Any]:
    """What one training alone has no need to be told."""
    if row["seeds"] == 1:
        return row | dict.fromkeys(("made_of", "lowest", "highest"))
    return row | {"made_of": ", ".join(row["made_of"])}


def _all_pairs(rows: list[dict[str, Any]]) -> Table:
    """With the seeds that are needed where there is a recipe of several."""
    needed = _NEEDED if any(row["needed_seeds"] for row in rows) else _NEEDED[1:]
    return Table("pairs", (*_PAIRS, *needed), _named_figures(_in_points(rows)), most=200)


def _in_points(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accuracies as percent, and their differences as points."""
    percent = ("mean_first", "mean_second", "error_of_seeds", "error_of_images")
    kinds = {"difference_kind": "points", "establishable_kind": "points"}
    kinds |= {f"{key}_kind": "percent" for key in percent}
    return [row | (kinds if row["figure"] in IN_POINTS else {}) for row in rows]


def _classes(facts: dict[str, Any]) -> tuple[Column, ...]:
    """Beside the class and its images, precision, recall and F1 of each model by its number."""
    titles = (("precision", "P"), ("recall", "R"), ("f1", "F1"))
    return (
        Column("class", "class"),
        Column("n", "n", "count"),
        *(
            Column(f"{model['number']}_{key}", f"{model['number']} {title}", "number")
            for model in facts["models"]
            for key, title in titles
        ),
    )


def _changes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        row
        | {
            "perfect": _named(row["became_perfect"]),
            "imperfect": _named(row["no_longer_perfect"]),
        }
        for row in rows
    ]


def _named(names: list[str]) -> str | None:
    """The first, and how many more: comparison.json has them all."""
    if len(names) <= MOST_NAMES:
        return ", ".join(names) or None
    first = ", ".join(names[:MOST_NAMES])
    return Message("{names} and {more} more", names=first, more=len(names) - MOST_NAMES)


def _confusions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"from": row["before"], "to": row["after"], "kind": title, **cell}
        for row in rows
        for kind, title in KINDS.items()
        for cell in row[kind]
    ]


def _seeds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"seeds_named": ", ".join(map(str, row["seeds"]))} for row in rows]
