"""The page of a run in a browser, in its size, and with names and classes that a page must bear."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tests.reporting.made_runs import conclude_run, digits_split, make_run
from tests.reporting.pages import Page, assert_stands_alone, in_a_browser, sheets, shown_by_a_browser
from vitlab.config import Dataset
from vitlab.data import Split, open_source
from vitlab.language import ENGLISH
from vitlab.reporting.commands import run_commands
from vitlab.reporting.page import environment
from vitlab.reporting.tables import Column, Table


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with 1000 test images."""
    split = digits_split(images=1797)
    parts = ["train", "val", *["test"] * 1000] + ["train", "val", "train"] * 265
    split = type(split)(split.table, tuple(parts[: len(split.table)]))
    path = make_run(tmp_path_factory.mktemp("large") / "run", split, {"head": 0.6, "finetune": 0.8})
    return conclude_run(path).path


def test_a_report_of_a_thousand_test_images_is_small(large: Path):
    metrics = json.loads((large / "metrics.json").read_text())
    assert metrics["finetune"]["test"]["n"] == 1000
    assert (large / "report.html").stat().st_size < 1e6


def test_in_a_browser_nothing_overflows_and_a_click_sorts(large: Path, tmp_path: Path):
    text = (large / "report.html").read_text()
    rows = {row[0]: float(row[4]) for row in Page(text).texts("classes")[1:]}  # the F1 of the head
    for whole, inner, names, left in in_a_browser(text, tmp_path, "table-classes", clicked=4, named=0):
        assert whole <= inner
        assert 0 <= left < inner / 2
        scores = [rows[name] for name in names]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == 10  # the means stay below


def test_a_column_is_sorted_as_numbers_if_all_of_it_is_else_by_the_numbers_within(tmp_path: Path):
    names, counts = ["9", "1a", "10", "b"], [20, None, math.inf, 3]
    rows = [{"class": name, "n": count} for name, count in zip(names, counts, strict=True)]
    columns = (Column("class", "class"), Column("n", "n", "number"))
    table = Table("mixed", columns, rows, foot=[{"class": "sum", "n": 5}])
    template = (
        '{% extends "sortable.html" %}{% from "macros.html" import sortable %}'
        '{% block page %}{{ sortable(table, "") }}{% endblock %}'
    )
    page = environment(ENGLISH).from_string(template).render(table=table)
    for clicked, expected in ((0, ["b", "10", "9", "1a"]), (1, ["10", "9", "b", "1a"])):
        for _, _, found, _ in in_a_browser(page, tmp_path, "table-mixed", clicked=clicked, named=0):
            assert found == expected
    assert Page(page).texts("mixed")[-1] == ["sum", "5.0000"]
    shapes = ["64", "14 × 14 × 16", "112 × 112 × 3", "14 × 14 × 8"]
    layers = Table("layers", (Column("shape", "output"),), [{"shape": shape} for shape in shapes])
    page = environment(ENGLISH).from_string(template).render(table=layers)
    for _, _, found, _ in in_a_browser(page, tmp_path, "table-layers", clicked=0, named=0):
        assert found == ["112 × 112 × 3", "64", "14 × 14 × 16", "14 × 14 × 8"]


def test_the_table_of_many_classes_is_folded(tmp_path: Path, image_folder):
    for count, has_it_open in ((3, True), (61, False)):
        folder = image_folder({f"c{index}": 3 for index in range(count)}, name=f"images{count}")
        dataset = Dataset(path=str(folder))
        table = open_source(dataset).table
        split = Split(table, ("train", "val", "test") * count)
        run = conclude_run(make_run(tmp_path / f"run{count}", split, {"t": 0.7}, dataset=dataset))
        before = run.report.read_text().partition('id="table-classes"')[0]
        assert before.rpartition("<details")[2].startswith(" open") == has_it_open
        assert "Classification report" in before.rpartition("<details")[2]


def test_on_paper_nothing_stays_folded(tmp_path: Path):
    """Three sheets, of which a page on the screen shows the first."""
    sheet = '<div style="height: 200mm; break-before: page">{}</div>'
    template = (
        '{% extends "page.html" %}{% block page %}<details><summary>more</summary>'
        + "".join(map(sheet.format, "abc"))
        + "</details>{% endblock %}"
    )
    (tmp_path / "page.html").write_text(environment(ENGLISH).from_string(template).render())
    assert len(sheets(tmp_path / "page.html", tmp_path)) >= 3


def test_in_a_browser_its_own_policy_lets_its_script_run_without_complaint(large: Path, tmp_path: Path):
    document, complaints = shown_by_a_browser(large / "report.html", tmp_path)
    assert document.count('<th class="name pin"><button type="button">model') >= 3
    assert not complaints


def test_the_contents_lead_to_every_section(large: Path):
    text = (large / "report.html").read_text()
    assert_stands_alone(text)
    page = Page(text)
    assert page.targets == re.findall(r'<section id="([^"]+)"', text)
    assert page.targets[-1] == "provenance"


def test_the_commands_are_those_that_a_user_gave_and_can_give(large: Path):
    words = Page((large / "report.html").read_text()).words
    for line in (
        "cd /home/user",
        "python -m vitlab.main --config=made.py",
        f"python -m vitlab.evaluate --workdir={large}",
        f"python -m vitlab.evaluate --workdir={large} --data=OTHER_IMAGES",
        f"python -m vitlab.compare --runs={large},OTHER_RUN --output=COMPARISON",
        f"--config.model.weights={large}/model/finetune",
    ):
        assert line in words


def test_a_command_is_quoted_for_the_shell():
    manifest = {
        "command": ["-m", "vitlab.main", "--config.split.fractions=(0.6, 0.2, 0.2)"],
        "folder": "/a b",
    }
    commands = run_commands(manifest, Path("runs/it's"), "head")
    assert commands.train == "python -m vitlab.main '--config.split.fractions=(0.6, 0.2, 0.2)'"
    assert commands.folder == "cd '/a b'"
    assert commands.evaluate == """python -m vitlab.evaluate '--workdir=runs/it'"'"'s'"""


def test_a_class_without_images_in_a_part_is_no_hindrance(tmp_path: Path):
    """Where a collection gives the parts, a class may be missing in any of them."""
    split = digits_split(images=200)
    parts = np.array(split.parts)
    parts[(split.table.labels == 3) & (parts == "test")] = "val"
    parts[(split.table.labels == 5) & (parts == "train")] = "val"
    run = make_run(tmp_path / "run", type(split)(split.table, tuple(parts.tolist())), {"all": 0.7})
    conclude_run(run)
    rows = {row[0]: row[1:] for row in Page((run / "report.html").read_text()).texts("classes")}
    assert rows["3"] == ["0", "–", "–", "–"]
    assert "| 3 |" in (run / "model_card.md").read_text()
