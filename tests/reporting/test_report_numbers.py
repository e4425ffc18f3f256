"""Every number in a table of the report is that of the run's files, to the last digit shown."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, special, stats

from tests.reporting.made_runs import answer_rightly, conclude_run, digits_split, make_run
from tests.reporting.pages import Page
from vitlab.data import HARD
from vitlab.evaluation import load_predictions, needed_images, paired_interval
from vitlab.reporting.tables import formatted

Value = tuple[Any, ...]  # what a file says, its kind, and perhaps an interval
Tables = dict[str, list[list[tuple[str, str]]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two phases with hard groups and the table of its paper; nothing was trained."""
    split = digits_split()
    folder = tmp_path_factory.mktemp("made") / "run"
    make_run(folder, split, {"head": 0.7, "finetune": 0.9}, network="vgg16")
    answer_rightly(folder, "head")
    night = np.where(np.arange(len(split.table)) % 3 == 0, "night", "")
    return conclude_run(folder, **{HARD: tuple(night.tolist())}).path


@pytest.fixture(params=["trained", "made"])
def run(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue({"trained": "small_run", "made": "made"}[request.param])


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def expected(run: Path) -> dict[str, list[list[Value]]]:
    """By the table its rows, from the files; those without rows are not there."""
    metrics, network = read(run / "metrics.json"), read(run / "network.json")
    suspects = read(run / "analysis.json")["label_errors"]["images"]
    tables = {
        "results": [
            _scores(phase, part, metrics[phase][part]) for phase in metrics for part in metrics[phase]
        ],
        "more_results": [
            _more_scores(phase, part, metrics[phase][part])
            for phase in metrics
            for part in metrics[phase]
        ],
        "phase_tests": list(_phase_tests(run, metrics)),
        "hard_groups": [
            [
                (phase,),
                (group,),
                (found["n"], "count"),
                _share("accuracy", found),
                (found["loss"], "number"),
            ]
            for phase in metrics
            for group, found in metrics[phase]["test"].get("hard", {}).items()
        ],
        "costs": list(_costs(run, list(metrics))),
        "networks": list(_networks(network)),
        "operators": [
            [
                (f"{row['size']} × {row['size']} × {row['channels']}",),
                *((row[key], "plain") for key in ("operator", "expansion", "out_channels")),
                *((row[key], "plain") for key in ("repeats", "stride")),
            ]
            for row in network["operators"]
        ],
        "layers": [
            [
                (row["path"],),
                (row["kind"],),
                (" × ".join(map(str, row["output"])) if row["output"] else None,),
                (row["parameters"], "count"),
            ]
            for row in network["layers"]
        ],
        "classes": list(_classes(metrics)),
        "calibration": [_calibration(run, phase) for phase in metrics],
        "label_errors": [
            [
                *((one["path"],), (one["label"],), (one["label_probability"], "percent")),
                *((one["suggested"],), (one["suggested_probability"], "percent")),
            ]
            for one in suspects
        ],
    }
    return {name: rows for name, rows in tables.items() if rows}


def _share(figure: str, found: dict[str, Any]) -> Value:
    return (found.get(figure), "percent", found.get(f"{figure}_interval"))


def _more_scores(phase: str, part: str, found: dict[str, Any]) -> list[Value]:
    return [
        *((phase,), (part,), _share("top_5_accuracy", found)),
        *(_resampled(key, found, found[key]) for key in ("matthews", "brier", "average_precision")),
    ]


def _scores(phase: str, part: str, found: dict[str, Any]) -> list[Value]:
    return [
        *((phase,), (part,), (found["n"], "count"), _share("accuracy", found)),
        _resampled("balanced_accuracy", found, found["balanced_accuracy"], "percent"),
        _resampled("loss", found, found["loss"]),
        *(
            _resampled(f"macro.{key}", found, found["macro"][key])
            for key in ("precision", "recall", "f1")
        ),
        *(_resampled("kappa", found, found["kappa"]), (found["kappa_reading"], "words")),
        *(_resampled("roc_auc", found, found["roc_auc"]), (found["ece"], "number")),
    ]


def _resampled(key: str, found: dict[str, Any], value: Any, kind: str = "number") -> Value:
    """With its interval, which the test part alone has."""
    return (value, kind, found["bootstrap"]["intervals"][key] if "bootstrap" in found else None)


def _phase_tests(run: Path, metrics: dict[str, Any]) -> Iterator[list[Value]]:
    """p by SciPy; the difference from the metrics; the interval of the counts is tested elsewhere."""
    (before, after) = metrics
    first, second = metrics[before]["test"], metrics[after]["test"]
    (change,) = read(run / "analysis.json")["changes"]
    fixed, broken, n = len(change["fixed"]), len(change["broken"]), first["n"]
    p = float(stats.binomtest(fixed, fixed + broken).pvalue)
    difference = (fixed - broken) / n
    assert difference == pytest.approx(second["accuracy"] - first["accuracy"])
    needed = None if p <= 0.05 else needed_images(fixed, broken, n)
    interval = paired_interval(fixed, broken, n)
    assert (interval[0] <= 0 <= interval[1]) == (p > 0.05)
    yield [
        *((before,), (after,), (difference, "points", interval)),
        *((p, "p"), (needed, "count")),
    ]


def _costs(run: Path, phases: list[str]) -> Iterator[list[Value]]:
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    seconds, epochs = 0.0, 0
    for phase in phases:
        card = read(run / "model" / phase / "model.json")
        own = [line for line in log if line["phase"] == phase]
        trained = card["trained"]
        seconds += trained["seconds"]
        epochs += len(own)
        checkpoint = (run / "checkpoints" / phase).rglob("*")
        yield [
            *((phase,), (len(own), "count"), (epochs, "count"), (trained["best_epoch"], "count")),
            *((trained["seconds"], "seconds"), (seconds, "seconds")),
            (own[-1]["time"]["ms_per_step"], "short"),
            *((card["parameters"], "count"), (trained["trainable"], "count")),
            (read(run / "network.json")["facts"]["weights_bytes"], "bytes"),
            (sum(file.stat().st_size for file in checkpoint if file.is_file()), "bytes"),
        ]


def _networks(network: dict[str, Any]) -> Iterator[list[Value]]:
    facts, published = network["facts"], network["published"] or {"top1": None, "top5": None}
    own = {"weights": network["name"], **facts, **published}
    for row in (own, *network["others"]):
        is_own = row is own
        yield [
            *((row["weights"],), (is_own, "flag"), (row["input_size"], "count")),
            *((row["weights_bytes"], "bytes"), (row["parameters"], "count")),
            (facts["layers"] if is_own else None, "count"),
            (facts["flops"] / 1e9 if is_own else None, "short"),
            (facts["milliseconds"] if is_own else None, "short"),
            *((row["top1"], "short"), (row["top5"], "short")),
        ]


def _classes(metrics: dict[str, Any]) -> Iterator[list[Value]]:
    tests = [parts["test"] for parts in metrics.values()]
    for name in tests[0]["classes"]:
        scores = [test["classes"][name] for test in tests]
        yield _class(name, scores[0]["n"], scores)
    for mean in ("macro", "weighted"):
        yield _class(f"{mean} mean", tests[0]["n"], [test[mean] for test in tests])


def _class(name: str, n: int, scores: list[dict[str, Any]]) -> list[Value]:
    figures = [(one[key], "number") for one in scores for key in ("precision", "recall", "f1")]
    return [(name,), (n, "count"), *figures]


def _calibration(run: Path, phase: str) -> list[Value]:
    """From the predictions, by SciPy; before it, the figures of metrics.json."""
    val, test = (
        load_predictions(run / "predictions" / phase / f"{part}.npz") for part in ("val", "test")
    )

    def loss(of, temperature: float) -> float:
        logits = of.logits.astype(float) / temperature
        return float(np.mean(special.logsumexp(logits, axis=1) - logits[np.arange(len(of)), of.labels]))

    found = optimize.minimize_scalar(lambda t: loss(val, t), bounds=(0.05, 20), method="bounded")
    chances = special.softmax(test.logits.astype(float) / found.x, axis=1)
    truth = np.eye(chances.shape[1])[test.labels]
    right, sure = chances.argmax(axis=1) == test.labels, chances.max(axis=1)
    bins = np.minimum((sure * 15).astype(int), 14)
    brier = ((chances - truth) ** 2).sum() / len(test)
    ece = sum(abs((right[bins == one] - sure[bins == one]).sum()) for one in range(15)) / len(test)
    before = read(run / "metrics.json")[phase]["test"]
    if (val.answers == val.labels).all():
        figures = [
            value for key in ("ece", "loss", "brier") for value in ((before[key], "number"), (None,))
        ]
        return [(phase,), *figures, (None,), (before["calibration"]["note"], "words")]
    after = {"ECE": ece, "loss": loss(test, found.x), "Brier score": brier}
    then = {"ECE": before["ece"], "loss": before["loss"], "Brier score": before["brier"]}
    worse = ", ".join(name for name in after if after[name] > then[name])
    note = f"worse with it on these images: {worse}" if worse else None
    return [
        *((phase,), (before["ece"], "number"), (ece, "number", None, 1e-3)),
        *((before["loss"], "number"), (loss(test, found.x), "number", None, 1e-4)),
        *(
            (before["brier"], "number"),
            (brier, "number", None, 1e-4),
        ),
        *((found.x, "number", None, 1e-3), (note, "words")),
    ]


def differences(tables: Tables, known: dict[str, list[list[Value]]]) -> list[str]:
    """The cells that say something else than the files, and tables that nobody knows or misses."""
    found = [f"table {name}" for name in tables.keys() ^ {f"table-{name}" for name in known}]
    for name, rows in known.items():
        _, *shown = tables.get(f"table-{name}", [[]])
        if [len(row) for row in shown] != [len(row) for row in rows]:
            found.append(f"the shape of {name}")
            continue
        for cells, values in zip(shown, rows, strict=True):
            for cell, value in zip(cells, values, strict=True):
                if not says(cell, *value):
                    found.append(f"{name}: {cell} where the files have {value}")
    return found


def says(
    cell: tuple[str, str], value: Any, kind: Any = "text", interval: Any = None, near: float = 0.0
) -> bool:
    """Its text, rounded as it is shown, and what it is sorted by, in full; or, of a value that is found
    by another way, `near` it."""
    text, order = cell
    if near:
        return abs(float(order) - value) <= near and text == formatted(float(order), kind)
    ends = ""
    if interval is not None:
        ends = f" [{' to '.join(formatted(end, kind).removesuffix(' %') for end in interval)}]"
    return text == formatted(value, kind) + ends and order == ("" if value is None else str(value))


def test_every_number_of_every_table_is_that_of_the_files(run: Path):
    page = Page((run / "report.html").read_text())
    assert differences(page.tables, expected(run)) == []


def test_one_digit_that_is_changed_anywhere_in_a_table_is_found(made: Path):
    """The test above would fail for any of them."""
    tables, known = Page((made / "report.html").read_text()).tables, expected(made)
    changed = 0
    for name, rows in tables.items():
        for row in range(1, len(rows)):
            for column, (text, order) in enumerate(rows[row]):
                for digit in re.finditer(r"\d", text):
                    other = str((int(digit[0]) + 1) % 10)
                    wrong = copy.copy(tables)
                    wrong[name] = copy.deepcopy(rows)
                    cell = text[: digit.start()] + other + text[digit.end() :]
                    wrong[name][row][column] = (cell, order)
                    only = {name.removeprefix("table-"): known[name.removeprefix("table-")]}
                    assert differences({name: wrong[name]}, only), (name, row, column, cell)
                    changed += 1
    assert changed > 1000


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("metrics.json", ("finetune", "val", "kappa")),
        ("metrics.json", ("head", "test", "classes", "3", "recall")),
        ("metrics.json", ("head", "test", "hard", "night", "accuracy_interval", 1)),
        ("metrics.json", ("head", "test", "bootstrap", "intervals", "macro.f1", 0)),
        ("metrics.json", ("finetune", "test", "bootstrap", "intervals", "roc_auc", 1)),
        ("network.json", ("facts", "milliseconds")),
        ("network.json", ("layers", 1, "parameters")),
        ("model/head/model.json", ("trained", "seconds")),
        ("analysis.json", ("label_errors", "images", 0, "label_probability")),
    ],
)
def test_one_number_that_is_changed_in_a_file_is_found(
    made: Path, file: str, place: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
):
    page = Page((made / "report.html").read_text())
    value = read(made / file)
    *outer, last = place
    inner = value
    for key in outer:
        inner = inner[key]
    inner[last] += 1 if isinstance(inner[last], int) else 0.001
    unchanged = read

    def read_changed(path: Path) -> Any:
        return value if path == made / file else unchanged(path)

    monkeypatch.setattr(f"{__name__}.read", read_changed)
    assert differences(page.tables, expected(made))


def test_the_numbers_of_its_sentences_are_those_of_the_manifest(run: Path):
    words = Page((run / "report.html").read_text()).words
    manifest = read(run / "manifest.json")
    parts = ", ".join(f"{part} {count:,}" for part, count in manifest["parts"].items())
    assert f"on {manifest['images']:,} images of 10 classes ({parts})" in words
    assert f"split {manifest['split_hash'][:12]}." in words
    assert f"seed {manifest['seed']}, batches of {manifest['batch_size']};" in words
