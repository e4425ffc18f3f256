"""The report says what the files say, stands alone, and runs nothing that a name contains."""

import base64
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import vitlab
from tests.reporting.pages import Page, assert_stands_alone
from vitlab.names import shown
from vitlab.weights import CATALOGUE


@pytest.fixture(scope="module")
def page(small_run: Path) -> Page:
    return Page((small_run / "report.html").read_text())


def test_other_networks_stand_beside_it_with_published_figures_alone(page: Page, small_run: Path):
    own, *others = page.texts("networks")[1:]
    assert own[1] == "yes"
    assert "–" not in own[5:8]
    known = {
        row["weights"]: row for row in json.loads((small_run / "network.json").read_text())["others"]
    }
    assert len(others) == len(known) > 10
    for row in others:
        checkpoint = CATALOGUE[row[0]]
        assert row[1:3] == ["no", str(checkpoint.preprocessing.size)]
        megabytes = known[row[0]]["weights_bytes"] / 1e6
        shown = f"{megabytes / 1e3:.1f} GB" if megabytes >= 1000 else f"{megabytes:.1f} MB"
        assert row[3] == shown
        assert row[5:8] == ["–", "–", "–"]
        assert row[8] == f"{checkpoint.top1:.3g}"
    assert "were not run here: they are published figures" in page.words


def test_the_page_stands_alone_and_holds_every_picture(page: Page, small_run: Path):
    assert_stands_alone((small_run / "report.html").read_text())
    assert len(page.targets) == 11
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
        *(f"{kind}_{phase}.svg" for kind in ("confusion", "reliability") for phase in ("head", "all")),
        *(f"{name}.svg" for name in ("split", "network", "examples", "examples_of_classes", "patches")),
        *(f"{kind}_{phase}.svg" for kind in ("augmentation", "operations") for phase in ("head", "all")),
        *("answers.svg", "roc.svg", "precision_recall.svg"),
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
    assert_stands_alone(text)
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


def test_it_says_what_a_phase_was_trained_on(page: Page, small_run: Path):
    """The head on kept views, the whole network on images that changed in every epoch."""
    text = " ".join(" ".join(page.text).split())
    assert (
        "Phase head trained on 2 kept augmented views of each image, whose embeddings the frozen "
        "backbone computed once: each epoch saw one of them, in turn. Phase all augmented its images "
        "anew in every epoch."
    ) in text
    assert (
        "changed like this, anew every time (phase head; kept versions of each image: 2); validation and"
    ) in text
    phases = json.loads((small_run / "manifest.json").read_text())["phases"]
    assert {name: facts["views"] for name, facts in phases.items()} == {"head": 2, "all": 0}
