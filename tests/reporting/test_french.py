"""Pages in French: no English sentence is left on them, and what users have named stays as it is."""

import base64
import html.parser
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from tests.configs.small import get_config
from tests.conftest import vitlab
from tests.reporting.made_runs import answer_rightly, change_json, conclude_run, make_run
from vitlab import feasibility_job
from vitlab.circumstances import circumstances
from vitlab.compare_job import compare_runs
from vitlab.config import Dataset, resolve
from vitlab.data import Split, inspect_source, open_source
from vitlab.language import Code, language_of
from vitlab.reporting import write_dataset_report, write_feasibility_report

CLASSES = ("accuracy", "loss", "the class")  # words that a page translates where they are its own
NAMES = {*CLASSES, "once more", "made-before", "of them", "PNG RGB"}

# Whatever is English for certain, and no French; "on" and "a" are French too.
ENGLISH = re.compile(
    r"\b(the|of|and|with|is|are|was|were|which|each|by|from|to|it|its|not|no|yes|all)\b"
)


class Texts(html.parser.HTMLParser):
    """What a reader sees of a page outside of code, with its charts; and what is read aloud."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[str] = []
        self.language = ""
        self._unseen = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._unseen += tag in ("style", "script", "pre", "code")
        self.language = str(values["lang"]) if tag == "html" else self.language
        self.found += [str(values[name]) for name in ("alt", "aria-label") if name in values]
        kind, _, content = (values.get("src") or "").partition(";base64,")
        if kind == "data:image/svg+xml":
            drawing = ElementTree.fromstring(base64.b64decode(content))
            self.found += [
                "".join(one.itertext()) for one in drawing.iter("{http://www.w3.org/2000/svg}text")
            ]

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("style", "script", "pre", "code")

    def handle_data(self, data: str) -> None:
        if not self._unseen and data.strip():
            self.found.append(" ".join(data.split()))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "mine"
    generator = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for index in range(12):
            pixels = generator.integers(60 * label, 60 * label + 100, (12, 12, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    (folder / "loss" / "12.png").write_bytes(b"no image")
    shutil.copy(folder / "loss" / "0.png", folder / "the class" / "copy.png")
    (folder / "loose.png").write_bytes(b"")
    Image.new("RGB", (30, 30)).save(folder / "accuracy" / "black.png")
    return folder


@pytest.fixture(scope="module")
def runs(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Code, Path]:
    """The same run, with its report in each language."""
    dataset = Dataset(path=str(images))
    table = open_source(dataset).table
    table = table.select([row for row, path in enumerate(table.paths) if path != "loss/12.png"])
    parts = tuple(("train", "test", "val", "test")[row % 4] for row in range(len(table)))
    found: dict[Code, Path] = {}
    for language in ("en", "fr"):
        path = tmp_path_factory.mktemp(language) / "of them"
        make_run(path, Split(table, parts), {"made-before": 0.5, "loss": 0.8}, dataset=dataset)
        answer_rightly(path, "made-before")
        report = {"classes": [], "examples": 2, "private": False, "language": language}
        change_json(path / "config.json", report=report)
        found[language] = conclude_run(path).path
    return found


def pages(folders: dict[Code, Path]) -> dict[Code, Texts]:
    return {code: Texts((path / "report.html").read_text()) for code, path in folders.items()}


@pytest.fixture(scope="module")
def of_runs(runs: dict[Code, Path]) -> dict[Code, Texts]:
    return pages(runs)


@pytest.fixture(scope="module")
def of_collections(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Code, Texts]:
    inspection = inspect_source(open_source(Dataset(path=str(images))), str(images))
    folders: dict[Code, Path] = {code: tmp_path_factory.mktemp(code) for code in ("en", "fr")}
    for code, folder in folders.items():
        write_dataset_report(
            inspection,
            folder / "report.html",
            language_of(code),
            facts=circumstances() | {"seed": 0, "config": {}},
            private=False,
            fixed=None,
        )
    return pages(folders)


@pytest.fixture(scope="module")
def of_comparisons(
    runs: dict[Code, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[Code, Texts]:
    """Of one run with itself under another name; the language is that of the runs."""
    folders: dict[Code, Path] = {}
    for code, path in runs.items():
        folder = tmp_path_factory.mktemp(code)
        other = shutil.copytree(path, folder / "once more")
        folders[code] = folder / "out"
        compare_runs(
            [path, other], folders[code], intersect=False, tested=["loss"], seed=0, resamples=200
        )
    return pages(folders)


@pytest.fixture(scope="module")
def of_studies(
    images: Path, tmp_path_factory: pytest.TempPathFactory, module_patch: pytest.MonkeyPatch
) -> dict[Code, Texts]:
    folders: dict[Code, Path] = {code: tmp_path_factory.mktemp(code) for code in ("en", "fr")}

    def write_both(facts: dict[str, Any], *_: object) -> None:
        for code, folder in folders.items():
            write_feasibility_report(facts, folder, language_of(code))

    module_patch.setattr(feasibility_job, "write_feasibility_report", write_both)
    settings = get_config()
    settings.dataset.path = str(images)
    feasibility_job.study_feasibility(
        resolve(settings), tmp_path_factory.mktemp("study"), with_umap=False
    )
    return pages(folders)


@pytest.fixture(scope="module")
def module_patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def english_left(texts: dict[Code, Texts]) -> Iterator[str]:
    """The French page's texts that are the English page's too, or hold an English word."""
    for text in texts["fr"].found:
        own = re.sub(r"/\S+", "", text)  # paths
        for name in NAMES:
            own = own.replace(name, "")
        words = [word for word in own.split() if re.search(r"[^\W\d_]{2}", word)]
        if ENGLISH.search(own) or (len(words) > 1 and text in texts["en"].found):
            yield text


@pytest.mark.parametrize("page", ["of_runs", "of_comparisons", "of_collections", "of_studies"])
def test_no_english_sentence_is_left(page: str, request: pytest.FixtureRequest):
    texts = request.getfixturevalue(page)
    assert (texts["en"].language, texts["fr"].language) == ("en", "fr")
    check(texts)


def test_a_model_card_is_french_but_for_its_header(runs: dict[Code, Path]):
    cards = {code: (path / "model_card.md").read_text().split("---\n", 2) for code, path in runs.items()}
    assert cards["en"][1] == cards["fr"][1]
    markdown = MarkdownIt("commonmark").enable("table")
    check({code: Texts(markdown.render(text)) for code, (_, _, text) in cards.items()})


def check(texts: dict[Code, Texts]) -> None:
    assert len(texts["fr"].found) == len(texts["en"].found) > 100
    left = set(english_left(texts))
    assert not left, left


def test_names_are_never_translated(of_runs: dict[Code, Texts]):
    """Classes and a phase that are called as something that the page translates elsewhere."""
    french = of_runs["fr"].found
    assert {"accuracy", "loss", "exactitude", "perte"} <= set(french)
    assert "Ce qui a changé de made-before à loss" in french
    assert sum(text == "accuracy" for text in french) > 5  # of tables, charts and pictures


def test_files_for_machines_are_the_same_in_both_languages(runs: dict[Code, Path], tmp_path: Path):
    for name in ("metrics.json", "analysis.json"):
        texts = [(path / name).read_text().replace(str(path), "") for path in runs.values()]
        assert texts[0] == texts[1], name
    tables = []
    for code in runs:
        compare_runs(
            [runs["fr"]],
            tmp_path / code,
            intersect=False,
            tested=["loss"],
            seed=0,
            resamples=200,
            language=code,
        )
        assert f'<html lang="{code}">' in (tmp_path / code / "report.html").read_text()
        files = sorted((tmp_path / code / "tables").iterdir())
        found = json.loads((tmp_path / code / "comparison.json").read_text())
        tables.append([{path.name: path.read_text() for path in files}, found])
    assert tables[0] == tables[1]


def test_runs_of_two_languages_are_compared_in_english(runs: dict[Code, Path], tmp_path: Path):
    compare_runs(
        list(runs.values()), tmp_path / "out", intersect=False, tested=["loss"], seed=0, resamples=200
    )
    assert '<html lang="en">' in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.slow
def test_a_finished_run_is_reported_anew_in_another_language(small_run: Path, tmp_path: Path):
    run = shutil.copytree(small_run, tmp_path / "small")
    figures = (run / "metrics.json").read_text()
    made_by = json.loads((run / "manifest.json").read_text())["command"]
    result = vitlab(
        "main",
        "--config=tests/configs/small.py",
        f"--workdir={run}",
        "--config.report.language=fr",
    )
    assert result.returncode == 0, result.stderr
    assert "epoch" not in result.stdout
    assert "test accuracy 0." in result.stdout
    assert '<html lang="fr">' in (run / "report.html").read_text()
    assert (run / "metrics.json").read_text() == figures
    assert json.loads((run / "manifest.json").read_text())["command"] == made_by
