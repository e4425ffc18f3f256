"""The page of a comparison: alone, without script errors, as wide as its window."""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.reporting.made_runs import (
    invented_split,
    make_run,
)
from tests.reporting.pages import compare


def test_curves_have_a_red_line_where_the_second_phase_begins(compared):
    _, _, output = compared
    curves = (output / "figures" / "curves_accuracy_1.svg").read_text()
    assert "finetune begins" in curves
    assert curves.count('class="begins"') == 1
    assert "#C1121F" in curves
    assert 'class="begins"' not in (output / "figures" / "curves_loss_3.svg").read_text()


def test_the_page_stands_alone_and_has_pictures_titled_by_truth_and_answer(compared):
    page, _, output = compared
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses)
    targets = [address[1:] for address in page.addresses if address.startswith("#")]
    text = (output / "report.html").read_text()
    assert len(targets) > 10
    assert all(f'id="{target}"' in text for target in targets)
    assert not page.handlers
    assert page.scripts == 1
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
        in (html.unescape(text))
    )
    words = " ".join("".join(page.text).split())
    assert len(re.findall(r"True: \d", words)) >= 16
    assert len(re.findall(r"Pred: \d \d+%", words)) >= 16


PROBE = """<script>
  const heads = document.querySelectorAll("#table-figures th button");
  heads[3].click(); heads[3].click();
  const rows = [...document.querySelectorAll("#table-figures tbody tr")];
  const names = rows.map((row) => row.cells[1].textContent.trim());
  parent.postMessage([document.documentElement.scrollWidth, innerWidth, names], "*");
</script></body>"""
FRAMES = """<title></title><script>
  const seen = [];
  onmessage = (event) => { seen.push(event.data); document.title = JSON.stringify(seen); };
</script><iframe src="page.html" width="390" height="800" frameborder="0"></iframe>
<iframe src="page.html" width="1400" height="800" frameborder="0"></iframe>"""


def in_a_browser(page: str, folder: Path) -> list[tuple[int, int, list[str]]]:
    """On a phone and on a desk: the width of the page, of the window, and the models as a second click
    on the head of the accuracies orders them."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    text = re.sub(r"<meta http-equiv[^>]*>", "", page).replace("</body>", PROBE)
    (folder / "page.html").write_text(text)
    (folder / "frames.html").write_text(FRAMES)
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000")
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [browser, *options, profile, "--dump-dom", f"file://{folder / 'frames.html'}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    seen = json.loads(html.unescape(title[1]))
    assert sorted(inner for _, inner, _ in seen) == [390, 1400]
    return seen


def test_in_a_browser_nothing_overflows_and_a_click_sorts(compared, tmp_path: Path):
    _, found, output = compared
    accuracy = {row["model"]: row["accuracy"] for row in found["figures"]}
    for whole, inner, names in in_a_browser((output / "report.html").read_text(), tmp_path):
        assert whole <= inner
        accuracies = [accuracy[name] for name in names]
        assert accuracies == sorted(accuracies, reverse=True)


def test_in_a_browser_long_names_break(tmp_path: Path):
    split = invented_split(["x" * 120, "a class with a rather long name", "c"], 60)
    paths = [
        make_run(tmp_path / (f"{index}" + "_a_long_name" * 9), split, {"t": 0.7}, chance=index)
        for index in (1, 2)
    ]
    compare(paths, tmp_path / "out", resamples=200)
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(whole <= inner for whole, inner, _ in in_a_browser(page, tmp_path))
