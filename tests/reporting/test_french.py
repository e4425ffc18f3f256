"""Pages in French: no English sentence is left on them, and what users have named stays as it is."""

import base64
import html.parser
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.reporting.made_runs import change_json, conclude_run, make_run
from vitlab.config import Dataset
from vitlab.data import Split, inspect_source, open_source
from vitlab.language import Code, language_of
from vitlab.reporting import write_dataset_report

CLASSES = ("accuracy", "loss", "the class")  # words that a page translates where they are its own
NAMES = {*CLASSES, "made-before", "of them", "PNG RGB"}

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
        self.language = values.get("lang") or self.language
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
            inspection, folder / "report.html", language_of(code), seed=0, private=False, fixed=None
        )
    return pages(folders)


def english_left(texts: dict[Code, Texts]) -> Iterator[str]:
    """The French page's texts that are the English page's too, or hold an English word."""
    for text in texts["fr"].found:
        own = re.sub(r"/\S+", "", text)  # paths
        for name in NAMES:
            own = own.replace(name, "")
        words = [word for word in own.split() if re.search(r"[^\W\d_]{2}", word)]
        if ENGLISH.search(own) or (len(words) > 1 and text in texts["en"].found):
            yield text


@pytest.mark.parametrize("page", ["of_runs", "of_collections"])
def test_no_english_sentence_is_left(page: str, request: pytest.FixtureRequest):
    texts = request.getfixturevalue(page)
    assert (texts["en"].language, texts["fr"].language) == ("en", "fr")
    assert len(texts["fr"].found) == len(texts["en"].found) > 100
    left = set(english_left(texts))
    assert not left, left
