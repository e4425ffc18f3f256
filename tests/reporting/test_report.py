"""The report says what the files say, stands alone, and runs nothing that a name contains."""

import base64
import html.parser
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import vitlab
from vitlab.language import ENGLISH
from vitlab.names import shown
from vitlab.reporting import charts
from vitlab.weights import CATALOGUE


class Page(html.parser.HTMLParser):
    """The tables, addresses and tags of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.alternatives: list[str] = []
        self.text: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.alternatives += [value for name, value in attrs if name == "alt"]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        self._in_cell &= tag not in ("td", "th")

    def handle_data(self, data):
        self.text.append(data)
        if self._in_cell:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def page(small_run: Path) -> Page:
    return Page((small_run / "report.html").read_text())


def test_every_figure_of_the_results_is_that_of_the_metrics_file(page: Page, small_run: Path):
    metrics = json.loads((small_run / "metrics.json").read_text())
    rows = page.tables[0][1:]
    expected = [(phase, part) for phase in metrics for part in ("train", "val", "test")]
    assert len(rows) == len(expected)
    for row, (phase, part) in zip(rows, expected, strict=True):
        scores = metrics[phase][part]
        low, high = scores["accuracy_interval"]
        assert row[1:] == [
            part,
            str(scores["n"]),
            f"{100 * scores['accuracy']:.2f} %",
            f"{100 * low:.2f} % to {100 * high:.2f} %",
            *(f"{scores[key]:.4f}" for key in ("loss",)),
            *(f"{scores['macro'][key]:.4f}" for key in ("precision", "recall", "f1")),
            *(f"{scores[key]:.4f}" for key in ("kappa", "ece")),
        ]


def test_every_figure_of_the_classes_is_that_of_the_metrics_file(page: Page, small_run: Path):
    metrics = json.loads((small_run / "metrics.json").read_text())
    rows = {row[0]: row[1:] for row in page.tables[4][2:]}
    for name, first in metrics["head"]["test"]["classes"].items():
        expected = [str(first["n"])]
        for phase in metrics:
            scores = metrics[phase]["test"]["classes"][name]
            expected += [f"{scores[key]:.4f}" for key in ("precision", "recall", "f1")]
        assert rows[name] == expected


def test_costs_are_summed_over_the_phases(page: Page, small_run: Path):
    log = [json.loads(line) for line in (small_run / "log.jsonl").read_text().splitlines()]
    heads = sum(line["phase"] == "head" for line in log)
    head, whole = page.tables[1][1:]
    assert head[:3] == ["head", str(heads), str(heads)]
    assert whole[:3] == ["all", str(len(log) - heads), str(len(log))]
    weights = (small_run / "model" / "all" / "weights.safetensors").stat().st_size
    assert whole[9] == (f"{weights / 1e6:.1f} MB" if weights >= 1e5 else f"{weights / 1e3:.1f} kB")


def test_the_network_is_described_layer_by_layer(page: Page, small_run: Path):
    network = json.loads((small_run / "network.json").read_text())
    facts, layers = page.tables[2], page.tables[3]
    assert facts[1][0] == "vit"
    assert facts[1][3] == f"{network['facts']['parameters']:,}"
    assert [row[0] for row in layers[1:]] == [layer["path"] for layer in network["layers"]]
    total = sum(int(row[-1].replace(",", "")) for row in layers[1:])
    assert total == network["facts"]["parameters"]


def test_other_networks_stand_beside_it_with_published_figures_alone(page: Page, small_run: Path):
    own, *others = page.tables[2][1:]
    assert "–" not in own[4:7]
    known = {
        row["weights"]: row for row in json.loads((small_run / "network.json").read_text())["others"]
    }
    assert len(others) == len(known) > 10
    for row in others:
        checkpoint = CATALOGUE[row[0]]
        assert row[1] == str(checkpoint.preprocessing.size)
        assert row[2] == f"{known[row[0]]['weights_bytes'] / 1e6:.1f} MB"
        assert row[3] == f"{known[row[0]]['parameters']:,}"
        assert row[4:7] == ["–", "–", "–"]
        assert row[7] == f"{checkpoint.top1:.1f} %"
    assert "were not run here: they are published figures" in re.sub(r"\s+", " ", "".join(page.text))


def test_the_page_stands_alone_and_holds_every_picture(page: Page):
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert len([text for text in page.alternatives if text.isdigit()]) >= 20  # examples, answers
    assert "original" in page.alternatives
    assert {"before", "rotation 10", "shift 0.1"} <= set(page.alternatives)
    assert "4 x 4 patches of 2 x 2 pixels" in page.alternatives


def error_figures(run: Path) -> set[str]:
    """Those of an error analysis: there is none of what did not happen."""
    analysis = json.loads((run / "analysis.json").read_text())
    (change,) = analysis["changes"]
    there = {
        "errors_confident": analysis["confidently_wrong"],
        "errors_uncertain": analysis["least_certain"],
        "errors_labels": analysis["label_errors"]["images"],
        "errors_copies": analysis["near_copies"],
        "fixed_all": change["fixed"],
        "broken_all": change["broken"],
    }
    return {f"{name}.svg" for name, images in there.items() if images}


def test_every_figure_is_a_file_too(small_run: Path):
    names = {path.name for path in (small_run / "figures").iterdir()}
    assert names == {
        *(f"{kind}_{metric}.svg" for kind in ("scores", "curves") for metric in ("accuracy", "loss")),
        *(f"confusion_{phase}.svg" for phase in ("head", "all")),
        *(f"{name}.svg" for name in ("split", "network", "examples", "examples_of_classes", "patches")),
        *(f"{name}.svg" for name in ("augmentation", "operations", "answers")),
        *error_figures(small_run),
    }
    curves = (small_run / "figures" / "curves_accuracy.svg").read_text()
    assert "all begins" in curves
    assert "#c1121f" in curves.lower()  # the red line


def test_a_name_that_is_markup_stays_text(tmp_path: Path, image_folder):
    bad = "<img src=x onerror=alert(1)>"
    folder = image_folder({bad: 12, "$x^2$": 12, "plain": 12})
    (folder / bad / "<script>.jpg").write_bytes(b"no image")
    workdir = tmp_path / "run"
    result = vitlab(
        "main",
        "--config=tests/configs/small.py",
        f"--config.dataset.path={folder}",
        f"--workdir={workdir}",
    )
    assert result.returncode == 0, result.stderr
    text = (workdir / "report.html").read_text()
    page = Page(text)
    assert not page.handlers
    assert "script" not in page.tags
    assert bad in "".join(page.text)
    assert "<script>.jpg (not an image)" in re.sub(r"\s+", " ", "".join(page.text))
    for svg in (workdir / "figures").glob("*.svg"):
        assert "onerror=alert" not in re.sub(r"&lt;img[^&]*&gt;", "", svg.read_text())
    assert "$x^2$" in (workdir / "figures" / "split.svg").read_text()


def assert_nothing_disturbs(text: str) -> None:
    assert text == "\n".join(shown(line) for line in text.split("\n"))


def test_a_name_that_turns_or_ends_the_line_disturbs_neither_pages_nor_terminal(
    tmp_path: Path, image_folder
):
    """Marks of direction, escape sequences, line breaks: of a class, a file and an unreadable file."""
    folder = image_folder({"ev\u202eil": 12, "plain": 12})
    name = "A\x1b[31m\nx.png"
    for class_name in ("ev\u202eil", "plain"):  # a copy under two classes is warned of by its path
        shutil.copy(folder / "plain" / "000.png", folder / class_name / name)
    (folder / "plain" / "B\x1b[31m\nx.png").write_bytes(b"no image")
    workdir = tmp_path / "run"
    small = ("main", "--config=tests/configs/small.py", f"--config.dataset.path={folder}")
    result = vitlab(*small, f"--workdir={workdir}")
    assert result.returncode == 0, result.stderr
    assert "A\\x1b[31m\\nx.png, stand under two classes" in result.stdout
    assert "plain/B\\x1b[31m\\nx.png: not an image" in result.stdout
    assert_nothing_disturbs(result.stdout + result.stderr)
    page = (workdir / "report.html").read_text()
    assert page.count("ev\\u202eil") >= 8
    assert "plain/B\\x1b[31m\\nx.png" in "".join(Page(page).text)
    assert_nothing_disturbs(page)
    for figure in ("split", "confusion_all", "examples", "answers"):
        svg = (workdir / "figures" / f"{figure}.svg").read_text()
        assert "ev\\u202eil" in svg
        assert_nothing_disturbs(svg)
    for line in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page):
        assert_nothing_disturbs(base64.b64decode(line).decode())


def test_small_pictures_are_enlarged(small_run: Path):
    text = (small_run / "report.html").read_text()
    assert text.count('height="8" class="tiny"') >= 30
    assert "&#34;tiny" not in text
    assert re.search(r'<img class="patches sharp" src="data:image/png', text)


def test_long_names_leave_the_charts_their_room(recwarn):
    names = [f"{index} {'a very long name ' * 8}" for index in range(4)]
    chart = charts.confusion_chart(np.eye(4, dtype=int).tolist(), names, "t", ENGLISH)
    assert "0 a very long name a very l…" in chart
    charts.parts_chart({"train": dict.fromkeys(names, 3)}, ENGLISH)
    assert not recwarn.list


def test_it_says_what_a_phase_was_trained_on(page: Page, small_run: Path):
    """The head on kept views, the whole network on images that changed in every epoch."""
    text = " ".join(" ".join(page.text).split())
    assert (
        "Phase head trained on 2 kept augmented views of each image, whose embeddings the frozen "
        "backbone computed once: each epoch saw one of them, in turn. Phase all augmented its images "
        "anew in every epoch."
    ) in text
    assert (
        "changed like this, anew every time (in phase head, in 2 ways that are kept); validation and"
    ) in text
    phases = json.loads((small_run / "manifest.json").read_text())["phases"]
    assert {name: facts["views"] for name, facts in phases.items()} == {"head": 2, "all": 0}
