"""Runs that a comparison meets now and then: odd names, many classes, old versions, lost images."""

import base64
import io
import re
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from tests.reporting.made_runs import (
    change_json,
    digits_split,
    invented_split,
    make_run,
)
from tests.reporting.pages import compare
from vitlab.config import Columns, Dataset
from vitlab.data import Split, open_source
from vitlab.reporting import read_runs
from vitlab.reporting.comparison.gallery import Gallery, open_gallery

BAD = "<img src=x onerror=alert(1)>"


def test_names_that_are_markup_or_formulas_stay_text(tmp_path: Path):
    split = invented_split([BAD, "=1+1", "@x", "$x^2$ & y_z", "plain", "ev\u202eil\n"], 60)
    paths = [make_run(tmp_path / f"<b>run{index}", split, {"t": 0.8}, chance=index) for index in (1, 2)]
    page, found = compare(paths, tmp_path / "out")
    assert not page.handlers
    assert page.tags.count("script") == 1
    assert BAD in "".join(page.text)
    text = (tmp_path / "out" / "report.html").read_text()
    assert "onerror=alert" not in re.sub(r"&lt;img[^&]*&gt;", "", text)
    assert "\u202e" not in text
    for svg in (tmp_path / "out" / "figures").glob("*.svg"):
        assert "onerror=alert" not in re.sub(r"&lt;img[^&]*&gt;", "", svg.read_text())
    lines = (tmp_path / "out" / "tables" / "classes.csv").read_text().split("\n")
    assert lines[2].startswith("'=1+1,")
    assert lines[3].startswith("'@x,")
    assert (
        r"\$x\textasciicircum{}2\$ \& y\_z" in (tmp_path / "out" / "tables" / "classes.tex").read_text()
    )
    assert found["class_names"][0] == BAD


def test_a_thousand_classes_leave_the_matrix_readable_and_the_page_small(tmp_path: Path):
    names = [f"class {index:04d}" for index in range(1000)]
    split = invented_split(names, 1200)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 0.7}, chance=index) for index in (1, 2)]
    page, found = compare(paths, tmp_path / "out", resamples=200)
    svg = (tmp_path / "out" / "figures" / "confusion_1.svg").read_text()
    assert len(re.findall(r">class \d{4}</text>", svg)) == 2 * 30
    assert "30 of 1,000 classes" in "".join(page.text)
    assert len(page.tables["table-classes"]) == 1 + 400 + 2  # and the means
    assert len((tmp_path / "out" / "tables" / "classes.csv").read_text().splitlines()) == 1 + 1002
    assert (tmp_path / "out" / "report.html").stat().st_size < 5e6
    assert len(found["classes"]) == 1002
    (row,) = found["changes"]
    assert len(row["became_perfect"]) > 5
    shown = ", ".join(row["became_perfect"][:5]) + f" and {len(row['became_perfect']) - 5} more"
    assert page.texts("changes")[1][6] == shown


def test_hard_groups_and_a_class_without_test_images(tmp_path: Path):
    hard = tuple(["night"] * 10 + [""] * 50 + [""] * 60)
    split = invented_split(["a", "b", "never"], 60, hard=hard)
    labels = np.where(split.table.labels == 2, 1, split.table.labels)
    labels[60:63] = 2
    table = type(split.table)(
        split.table.ids, split.table.paths, labels, split.table.class_names, split.table.columns
    )
    split = type(split)(table, split.parts)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index) for index in (1, 2)]
    page, found = compare(paths, tmp_path / "out")
    assert [row["n"] for row in found["hard_groups"]] == [10, 10]
    never = next(row for row in found["classes"] if row["class"] == "never")
    assert (never["n"], never["1_f1"]) == (0, None)
    assert page.tables["table-classes"][3][2][0] == "–"


def test_a_run_of_an_older_version_is_compared_by_what_it_has(tmp_path: Path):
    """Without network.json, log.jsonl, times, and keys of the config and the manifest."""
    split = digits_split(images=80)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index) for index in (1, 2)]
    old = paths[0]
    (old / "network.json").unlink()
    (old / "log.jsonl").unlink()
    shutil.rmtree(old / "checkpoints")
    change_json(old / "model" / "t" / "model.json", trained=None, origin=None)
    change_json(old / "manifest.json", split_hash=None, phases=None, system=None, git_commit=None)
    change_json(old / "config.json", fsdp=None, report=None)
    page, found = compare(paths, tmp_path / "out")
    assert found["costs"][0]["seconds"] is None
    assert [row["model"] for row in found["latency"]] == ["r2"]
    assert "Not here, for its run does not say how long an answer takes: r1 ." in page.words
    assert "Runs that have no log.jsonl with epochs, and so no curves: 1 of 2." in "".join(page.text)
    assert found["split_hashes"] == [split.hash]
    (paths[1] / "network.json").unlink()
    page, _ = compare(paths, tmp_path / "untimed")
    names = page.words.partition("Not here, for their runs do not say how long an answer takes: ")[2]
    assert {names.split()[0], names.split()[2]} == {"r1", "r2"}
    assert "table-latency" not in page.tables


def test_images_that_are_gone_are_said_to_be_gone(tmp_path: Path):
    split = invented_split(["a", "b"], 30)
    dataset = Dataset(path=str(tmp_path / "nowhere"))
    paths = [
        make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index, dataset=dataset)
        for index in (1, 2)
    ]
    page, _ = compare(paths, tmp_path / "out")
    assert "There are no pictures:" in "".join(page.text)
    assert "nowhere" in "".join(page.text)


def test_an_image_that_may_not_be_republished_is_grey(tmp_path: Path, image_folder):
    folder = image_folder({"cat": 8, "dog": 8})
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.png"))
    lines = [f"{name},{name.parent},{'no' if name.parent.name == 'cat' else ''}" for name in names]
    (tmp_path / "pets.csv").write_text("path,label,republish\n" + "\n".join(lines))
    columns = Columns(republish="republish")
    dataset = Dataset(path=str(tmp_path / "pets.csv"), images=str(folder), columns=columns)
    table = open_source(dataset).table
    split = Split(table, ("test", "test", "train", "val") * 4)
    paths = [
        make_run(tmp_path / f"r{index}", split, {"t": 0.7}, chance=index, dataset=dataset)
        for index in (1, 2)
    ]
    gallery = open_gallery(read_runs(paths, intersect=False), 0)
    assert isinstance(gallery, Gallery)
    colours = {}
    for picture in gallery.one_per_class():
        content = base64.b64decode(picture.address.partition(",")[2])
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        colours[picture.caption] = set(map(tuple, pixels.reshape(-1, 3).tolist()))
    assert all(abs(value - 200) <= 1 for colour in colours["cat"] for value in colour)
    assert len(colours["dog"]) > 10
