"""The page of a comparison as a machine reads it, and how tests make one."""

import html.parser
import json
from pathlib import Path
from typing import Any

from vitlab.compare_job import compare_runs


class Page(html.parser.HTMLParser):
    """Tables by id (rows of cells: text and order), and what could run or be fetched."""

    def __init__(self, text: str):
        super().__init__()
        self.tables: dict[str, list[list[tuple[str, str]]]] = {}
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.scripts = 0
        self.text: list[str] = []
        self._rows: list[list[tuple[str, str]]] = []
        self._cell: list[str] | None = None
        self._order = ""
        self._below = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.scripts += tag == "script"
        self.addresses += [str(values[name]) for name in ("src", "href") if name in values]
        self.handlers += [name for name in values if name.startswith("on")]
        if tag == "table":
            self._rows = self.tables.setdefault(str(values.get("id")), [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell, self._order = [], str(values.get("data-order", ""))
        elif values.get("class") == "below":
            self._below = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self._rows[-1].append(("".join(self._cell).strip(), self._order))
            self._cell = None
        elif tag == "span":
            self._below = False

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._cell is not None:
            self._cell.append(f" [{data}]" if self._below else data)


def compare(paths: list[Path], output: Path, **changes: Any) -> tuple[Page, dict[str, Any]]:
    options = {"intersect": False, "seed": 0, "resamples": 400} | changes
    compare_runs(paths, output, **options)
    page = Page((output / "report.html").read_text())
    return page, json.loads((output / "comparison.json").read_text())
