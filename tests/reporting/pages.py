"""A page as a test reads it: its tables, what could run or be fetched, and how a browser shows it."""

import base64
import hashlib
import html
import html.parser
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from vitlab.compare_job import compare_runs


class Page(html.parser.HTMLParser):
    """Tables by id (rows of cells: text and order), the texts of all of them in the page's order as
    `every`, and what could run or be fetched."""

    def __init__(self, text: str):
        super().__init__()
        self.source = text
        self.tables: dict[str, list[list[tuple[str, str]]]] = {}
        self.every: list[list[list[str]]] = []
        self.addresses: list[str] = []
        self.targets: list[str] = []  # of links within the page
        self.handlers: list[str] = []
        self.alternatives: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self._rows: list[list[tuple[str, str]]] = []
        self._cell: list[str] | None = None
        self._order = ""
        self._below = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: str(value) for name, value in attrs}
        self.tags.append(tag)
        for name in {"src", "href"} & values.keys():
            inner = values[name].startswith("#")
            (self.targets if inner else self.addresses).append(values[name].removeprefix("#"))
        self.handlers += [name for name in values if name.startswith("on")]
        self.alternatives += [values["alt"]] if "alt" in values else []
        self.ids += [values["id"]] if "id" in values else []
        if tag == "table":
            self._rows = self.tables.setdefault(values.get("id", ""), [])
            self.every.append([])
        elif tag == "tr":
            self._rows.append([])
            self.every[-1].append([])
        elif tag in ("td", "th"):
            self._cell, self._order = [], values.get("data-order", "")
        elif values.get("class") == "below":
            self._below = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            text = "".join(self._cell).strip()
            self._rows[-1].append((text, self._order))
            self.every[-1][-1].append(text)
            self._cell = None
        elif tag == "span":
            self._below = False

    def handle_data(self, data: str) -> None:
        data = data.replace("\N{NO-BREAK SPACE}", " ")  # of a number and its unit
        self.text.append(data)
        if self._cell is not None:
            self._cell.append(f" [{data}]" if self._below else data)

    def texts(self, table: str) -> list[list[str]]:
        """The cells of a table as they are read, its head first."""
        return [[text for text, _ in row] for row in self.tables[f"table-{table}"]]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def assert_stands_alone(text: str) -> None:
    """Nothing is fetched, links lead to sections, and the one script is what the policy allows."""
    page = Page(text)
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert set(page.targets) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert not page.handlers
    assert page.tags.count("script") == 1
    assert "link" not in page.tags
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
        in (html.unescape(text))
    )


PROBE = """<script>
  const heads = document.querySelectorAll("#TABLE th button");
  heads[CLICKED].click(); heads[CLICKED].click();
  const rows = [...document.querySelectorAll("#TABLE tbody tr")];
  const names = rows.map((row) => row.cells[NAMED].textContent.trim());
  for (const part of document.querySelectorAll(".scroll")) part.scrollLeft = 10000;
  const left = Math.round(rows[0].cells[NAMED].getBoundingClientRect().left);
  parent.postMessage([document.documentElement.scrollWidth, innerWidth, names, left], "*");
</script></body>"""
FRAMES = """<title></title><script>
  const seen = [];
  onmessage = (event) => { seen.push(event.data); document.title = JSON.stringify(seen); };
</script>"""
FRAME = '<iframe src="page.html" width="WIDTH" height="800" frameborder="0"></iframe>'
PHONE_AND_DESK = (390, 1400)
PAPER = (718,)  # of A4 within a browser's margins


def in_a_browser(
    page: str,
    folder: Path,
    table: str,
    *,
    clicked: int,
    named: int,
    windows: Sequence[int] = PHONE_AND_DESK,
) -> list[tuple[int, int, list[str], int]]:
    """In windows of these widths: the width of the page, of the window, the texts of the column `named`
    as a second click on the head of the column `clicked` orders the rows of the table, and where the
    first of them is once the table is pushed to its end."""
    probe = PROBE.replace("TABLE", table).replace("CLICKED", str(clicked)).replace("NAMED", str(named))
    text = re.sub(r"<meta http-equiv[^>]*>", "", page).replace("</body>", probe)
    (folder / "page.html").write_text(text)
    frames = (FRAME.replace("WIDTH", str(width)) for width in windows)
    (folder / "frames.html").write_text(FRAMES + "".join(frames))
    title = re.search(r"<title>(.*?)</title>", shown_by_a_browser(folder / "frames.html", folder)[0])
    assert title is not None
    seen = json.loads(html.unescape(title[1]))
    assert sorted(inner for _, inner, *_ in seen) == sorted(windows)
    return seen


def shown_by_a_browser(page: Path, folder: Path) -> tuple[str, str]:
    """The document as it is once its scripts have run, and what the browser complains of."""
    log = ("--enable-logging=stderr", "--log-level=0", "--virtual-time-budget=3000")
    done = _browse(page, folder, *log, "--dump-dom")
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(complaints)


def sheets(page: Path, folder: Path) -> list[tuple[float, float]]:
    """The width and height of each that a browser prints it on."""
    _browse(page, folder, f"--print-to-pdf={folder / 'page.pdf'}")
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", (folder / "page.pdf").read_bytes())
    return [(float(width), float(height)) for width, height in boxes]


def _browse(page: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    options += (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
    )
    return subprocess.run(
        [browser, *options, f"file://{page}"], capture_output=True, text=True, check=True, timeout=60
    )


def compare(paths: list[Path], output: Path, **changes: Any) -> tuple[Page, dict[str, Any]]:
    options: dict[str, Any] = {"intersect": False, "tested": ("macro.f1", "loss"), "seed": 0}
    options |= {"resamples": 400} | changes
    compare_runs(paths, output, **options)
    page = Page((output / "report.html").read_text())
    return page, json.loads((output / "comparison.json").read_text())
