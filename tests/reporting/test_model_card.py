"""The model card says what the run's files say, and no name in it can be markup, YAML or a new line."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml  # type: ignore[import-untyped]
from markdown_it import MarkdownIt

from tests.reporting.made_runs import (
    answer_rightly,
    change_json,
    conclude_run,
    digits_split,
    invented_split,
    make_run,
)
from tests.reporting.pages import Page
from vitlab.data import HARD, PARTS, read_split
from vitlab.evaluation import bootstrap_intervals, evaluate_test, fit_temperature, load_predictions
from vitlab.names import shown
from vitlab.reporting import write_model_card
from vitlab.reporting.markdown import header
from vitlab.run_directory import RunDirectory
from vitlab.weights import CATALOGUE

BAD = [
    "<img src=x onerror=alert(1)>",
    "a | b",
    "[x](http://y)",
    "`c`\n# d",
    "- *e*",
    "\"'{f: [",
    "$x$",
    "--- g",
    "- list",
    "1. one",
    "12) two",
    "+ x",
    "www.example.com",
    "http://y.z",
    "@user",
]

TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    split = digits_split()
    path = make_run(tmp_path_factory.mktemp("made") / "digits", split, {"head": 0.7, "all": 0.9})
    night = np.where(np.arange(400) % 8 == 2, "night", "")
    change_json(path / "manifest.json", unreadable={"a.jpg": "not an image"})
    return conclude_run(path, **{HARD: tuple(night.tolist())}).path


def parts_of(path: Path) -> tuple[dict[str, Any], Page]:
    """The header as YAML reads it, and the rest as the page that Markdown makes of it."""
    _, top, text = path.read_text().split("---\n", 2)
    return yaml.safe_load(top), Page(MarkdownIt("commonmark").enable("table").render(text))


def test_its_figures_are_those_of_the_metrics_and_a_bootstrap(run: Path):
    _, page = parts_of(run / "model_card.md")
    test = json.loads((run / "metrics.json").read_text())["all"]["test"]
    low, high = test["accuracy_interval"]
    assert f"{100 * test['accuracy']:.2f} % of its answers are right (95 % interval" in page.words
    assert "Precision counts as 0" not in page.words
    rows = {row[0][0]: [text for text, _ in row[1:]] for row in page.tables[""] if len(row) == 3}
    assert rows["accuracy"] == [
        f"{100 * test['accuracy']:.2f} %",
        f"{100 * low:.2f} % to {100 * high:.2f} %",
    ]
    saved = load_predictions(run / "predictions" / "all" / "test.npz")
    found = bootstrap_intervals(saved, ["macro.f1", "loss"], seed=0)
    for title, value, key in (
        ("F1, mean over the classes", test["macro"]["f1"], "macro.f1"),
        ("loss (cross-entropy)", test["loss"], "loss"),
    ):
        interval = found[key].interval
        assert interval is not None
        assert rows[title] == [f"{value:.4f}", f"{interval[0]:.4f} to {interval[1]:.4f}"]
    classes = {row[0][0]: [text for text, _ in row[3:]] for row in page.tables[""] if len(row) == 7}
    for name, scores in test["classes"].items():
        figures = [f"{scores[key]:.4f}" for key in ("precision", "recall", "f1")]
        assert classes[name] == [str(scores["n"]), *figures]


def test_a_finished_run_without_its_card_makes_it_again_and_serves_all_else(run: Path):
    """As one of an older version, which had none."""
    card = run / "model_card.md"
    text = card.read_text()
    config = RunDirectory(run).open_finished()
    with RunDirectory(run).claimed(config) as is_finished:
        assert is_finished
    card.unlink()
    with RunDirectory(run).claimed(config) as is_finished:
        assert not is_finished
    assert RunDirectory(run).open_finished() == config
    split = read_split(run / "split.csv")
    opened = RunDirectory(run)
    opened.read_finished()
    write_model_card(opened, split)
    assert card.read_text() == text


def test_its_limits_are_named(run: Path):
    _, page = parts_of(run / "model_card.md")
    metrics = json.loads((run / "metrics.json").read_text())
    analysis = json.loads((run / "analysis.json").read_text())
    group, classes = metrics["all"]["test"]["hard"]["night"], metrics["all"]["test"]["classes"]
    few = ", ".join(f"{name} ({row['n']})" for name, row in classes.items() if row["n"] < 20)
    for sentence in (
        f"Hard group night: {100 * group['accuracy']:.2f} % of {group['n']} test images are right",
        f"Classes with fewer than 20 test images, whose figures are uncertain: {few}.",
        "1 file could not be read, and is in no part.",
        f"{analysis['label_errors']['found']} labels of test images may be wrong",
    ):
        assert sentence in page.words


def test_a_phase_before_is_told_of_where_there_is_one(run: Path, tmp_path: Path):
    alone = make_run(tmp_path / "alone", digits_split(images=200), {"all": 0.8})
    for path, is_said in ((run, True), (conclude_run(alone).path, False)):
        _, page = parts_of(path / "model_card.md")
        said = "Each phase began with the best weights of the one before. Of each phase the epoch"
        assert (said in page.words) == is_said
        assert "Of each phase the epoch with the highest validation accuracy" in page.words


def test_its_header_is_that_of_hugging_face(run: Path):
    top, _ = parts_of(run / "model_card.md")
    test = json.loads((run / "metrics.json").read_text())["all"]["test"]
    assert "license" not in top  # it began with random weights: there is none but the owner's
    assert top["pipeline_tag"] == "image-classification"
    assert "vit" in top["tags"]
    (index,) = top["model-index"]
    assert index["name"] == "digits"
    (result,) = index["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"] == {"name": "scikit-learn's digits", "type": "digits", "split": "test"}
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values == {
        "accuracy": round(test["accuracy"], 4),
        **{key: round(test["macro"][key], 4) for key in ("precision", "recall", "f1")},
    }
    assert set(top["metrics"]) == set(values)


@pytest.mark.parametrize("depth", [0, 1])
def test_weights_are_named_with_their_licence_and_what_they_learned_from(tmp_path: Path, depth: int):
    """Those that the run began with, or those that these were made from."""
    known = CATALOGUE["vit_b16.mae"]
    origin: dict[str, Any] = {
        **{"weights": "/w.pth", "sha256": "0", "layout": "timm"},
        **{"name": known.name, "address": known.address, "licence": known.licence},
    }
    if depth:
        origin = {"weights": "/runs/a/model", "sha256": "1", "layout": "vitlab", "made_from": origin}
    path = make_run(tmp_path / "run", digits_split(images=200), {"all": 0.8})
    pretraining = {"data": known.data, "signs": ["it is called imagenet"]}
    change_json(path / "manifest.json", origin=origin, pretraining=pretraining)
    top, page = parts_of(conclude_run(path).model_card)
    assert top["license"] == "cc-by-nc-4.0"
    assert page.addresses == [known.address]
    words = "".join(page.text).replace("\n", " ")
    assert f"{known.name}, from {known.address}. Their publisher's licence: CC-BY-NC-4.0." in words
    assert "is for whoever publishes it to judge" in words
    assert f"They were trained on {known.data}, as the catalogue says." in page.words
    assert "test easier than it looks: it is called imagenet." in page.words


def test_of_weights_that_began_at_random_no_publisher_is_missed(tmp_path: Path):
    path = make_run(tmp_path / "run", digits_split(images=200), {"all": 0.8})
    origin: dict[str, Any] = {"weights": None}
    for depth in "ab":
        origin = {
            **{"weights": f"/runs/{depth}/model/all", "sha256": depth, "layout": "vitlab"},
            "made_from": origin,
        }
    change_json(path / "manifest.json", origin=origin, pretraining={"data": None, "signs": []})
    _, page = parts_of(conclude_run(path).model_card)
    assert (
        "Those of an earlier model that vitlab trained from random ones: /runs/b/model/all, SHA-256 b."
    ) in page.words
    assert "licence" not in page.words
    assert "not known" not in page.words


def test_a_class_that_is_never_answered_is_named(run: Path, tmp_path: Path):
    """Its precision is 0 / 0."""
    changed = RunDirectory(shutil.copytree(run, tmp_path / "run"))
    metrics = json.loads(changed.metrics.read_text())
    test = metrics["all"]["test"]
    for row in test["confusion_matrix"]:
        row[3] = row[7] = 0
    test["classes"]["3"]["precision"] = 0.0
    test["classes"]["7"]["precision"] = None  # as that of a class without test images
    changed.metrics.write_text(json.dumps(metrics))
    changed.read_finished()
    write_model_card(changed, read_split(changed.split))
    _, page = parts_of(changed.model_card)
    assert "Precision counts as 0 where no answer was that class: 3." in page.words


def test_of_a_file_that_nobody_knows_the_card_says_so(tmp_path: Path):
    origin = {"weights": "/some/file.npz", "sha256": "abc", "layout": "google"}
    path = make_run(tmp_path / "run", digits_split(images=200), {"all": 0.8})
    change_json(path / "manifest.json", origin=origin, pretraining={"data": None, "signs": []})
    top, page = parts_of(conclude_run(path).model_card)
    assert top["license"] == "unknown"
    assert "A file that the catalogue does not know: /some/file.npz, SHA-256 abc." in page.words
    assert "It is not known what they were trained on." in page.words
    assert "to judge" not in page.words


def test_a_temperature_that_cannot_be_told_has_no_figures(tmp_path: Path):
    path = make_run(tmp_path / "run", digits_split(images=200), {"all": 0.8})
    answer_rightly(path, "all")
    _, page = parts_of(conclude_run(path).model_card)
    said = "does not tell a temperature to divide the logits by: every validation image is answered"
    assert said in page.words
    assert "Dividing" not in page.words


def test_a_licence_that_hugging_face_does_not_list_is_given_by_its_name(tmp_path: Path):
    path = make_run(tmp_path / "run", digits_split(images=200), {"all": 0.8})
    origin = {"weights": "/w", "sha256": "0", "name": "- n", "address": "a", "licence": "mine: # 1\n- x"}
    change_json(path / "manifest.json", origin=origin, pretraining={"data": None, "signs": []})
    top, page = parts_of(conclude_run(path).model_card)
    assert "- n, from a. Their publisher's licence: mine: # 1\\n- x." in page.words
    assert (top["license"], top["license_name"]) == ("other", "mine: # 1\\n- x")


def test_names_that_are_markup_or_yaml_stay_text(tmp_path: Path):
    """Of classes, hard groups, files, signs and the folder."""
    names = [*BAD[8:], *BAD[:8]]  # where classes are listed, one that looks like a list is the first
    split = invented_split(names, 80, **{HARD: (BAD[0],) * 160})
    path = make_run(tmp_path / '"x": [*y*] <b>', split, {"all": 0.8})
    found = {part: load_predictions(path / "predictions" / "all" / f"{part}.npz") for part in PARTS}
    temperature = fit_temperature(found["val"])
    metrics = {
        part: evaluate_test(saved, names, [BAD[0]] * len(saved), temperature)
        for part, saved in found.items()
    }
    (path / "metrics.json").write_text(json.dumps({"all": metrics}))
    analysis = {"n": 1, "wrong": 0, "label_errors": {"found": 0, "images": []}, "near_copies": []}
    (path / "analysis.json").write_text(json.dumps(analysis))
    pretraining = {"data": BAD[4], "signs": [BAD[0]]}
    command = ["-m", "vitlab.main", "--workdir=`x` <b> it's & \n # no heading"]
    origin = {"weights": BAD[3], "sha256": "0"}
    change_json(path / "manifest.json", pretraining=pretraining, origin=origin, command=command)
    run = RunDirectory(path)
    run.read_finished()
    write_model_card(run, split)
    text = run.model_card.read_text()
    top, page = parts_of(run.model_card)
    assert top["model-index"][0]["name"] == '"x": [*y*] <b>'
    assert set(page.tags) == {"h1", "h2", "h3", "p", "ul", "li", "code", "pre"} | TABLE
    assert not page.handlers
    assert not page.addresses
    rows = [row for row in page.tables[""] if len(row) == 7][1:]
    assert [row[0][0] for row in rows] == [shown(name) for name in names]
    assert page.tags.count("li") == text.count("\n- ") == 10
    for name in (r"www\.example.com", r"http\://y.z", "&#64;user"):  # GitHub makes no links of them
        assert f"| {name} |" in text
    assert f"Hard group {BAD[0]}: " in page.words
    assert "'--workdir=`x` <b> it'\"'\"'s & \\n # no heading'" in page.words
    assert text.count("\n# ") == 1


def test_a_header_is_yaml_whatever_is_in_it():
    texts = [
        *BAD,
        "\ufeff\uffff",
        "\x00\x7f\x85\u2028",
        "\ud800",
        "é 漢 😀",
        "null",
        "1e3",
        "---",
        "? !x &y *y",
    ]
    made = header({"texts": texts, "none": None, "numbers": [1, 0.25]}).removeprefix("---\n")
    found = yaml.safe_load(made.removesuffix("---"))
    marks = {"\ufeff\uffff"}  # YAML has escapes for these
    assert found["texts"] == [text if text in marks else shown(text) for text in texts]
    assert (found["none"], found["numbers"]) == (None, [1, 0.25])
