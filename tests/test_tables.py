"""A table of images from the command line: its columns reach the split, the figures and the report."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import vitlab
from tests.reporting.pages import Page

SETTINGS = [
    "--config=tests/configs/small.py",
    "--config.dataset.images=images",
    "--config.dataset.columns.path=file",
    "--config.dataset.columns.label=kind",
    "--config.dataset.columns.part=use",
    "--config.dataset.columns.group=owner",
    "--config.dataset.columns.hard=trouble",
    "--config.dataset.columns.republish=public",
    "--config.dataset.columns.kept=('source',)",
    "--config.phases.all.total_epochs=4",
    "--config.batch_size=8",
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`shop.csv`: 2 x 30 images, every fifth given to the test, every tenth of a hard group."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("shop")
    rows = []
    for row in range(60):
        kind, shade = ("red", "blue")[row % 2], 120 + row
        colour = (shade, row, 0) if kind == "red" else (0, row, shade)
        (folder / "images").mkdir(exist_ok=True)
        Image.new("RGB", (9, 9), colour).save(folder / "images" / f"{row}.png")
        test = row % 10 in (0, 1)
        rows.append(
            {
                "file": f".\\{row}.png",
                "kind": kind,
                "use": "test" if test else "",
                "owner": f"owner {row // 4}" if not test else "",
                "trouble": "shiny" if row % 20 in (0, 1) else "",
                "public": "no" if kind == "blue" else "yes",
                "source": f"https://example.org/{row}",
            }
        )
    with open(folder / "shop.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    done = vitlab(
        "main", *SETTINGS, f"--config.dataset.path={folder}/shop.csv", f"--workdir={folder}/run"
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_given_parts_groups_and_provenance_are_in_the_split(shop: Path):
    with open(shop / "run" / "split.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    parts: dict[str, set[str]] = {}
    for row in rows:
        number = int(row["path"].removesuffix(".png"))
        assert (row["part"] == "test") == (number % 10 in (0, 1))
        assert row["source"] == f"https://example.org/{number}"
        if row["group"]:
            parts.setdefault(row["group"], set()).add(row["part"])
    assert len(parts) == 15
    assert all(len(found) == 1 for found in parts.values())


def test_the_hard_group_is_in_the_figures_the_report_and_the_evaluation(shop: Path):
    """S2-03."""
    metrics = json.loads((shop / "run" / "metrics.json").read_text())
    for phase in ("head", "all"):
        assert metrics[phase]["test"]["n"] == 12
        assert metrics[phase]["test"]["hard"]["shiny"]["n"] == 6
        assert "hard" not in metrics[phase]["val"]
    page = Page((shop / "run" / "report.html").read_text())
    assert "Hard groups of the test part" in page.words
    assert ["shiny", "6"] in [cells[1:3] for cells in page.texts("hard_groups")]
    again = vitlab("evaluate", f"--workdir={shop}/run")
    assert "shiny: n = 6" in again.stdout
    assert "in every figure" in again.stdout


def test_what_may_not_be_republished_is_grey_in_the_report(shop: Path):
    """S0-02."""
    page = (shop / "run" / "report.html").read_text()
    assert "blue (not to be shown)" in page
    assert "red (not to be shown)" not in page


def test_the_split_of_another_run_is_used_as_it_is(shop: Path):
    same = [f"--config.dataset.path={shop}/shop.csv", f"--config.split.file={shop}/run/split.csv"]
    done = vitlab("main", *SETTINGS, *same, "--config.seed=7", f"--workdir={shop}/other")
    assert done.returncode == 0, done.stderr
    hashes = [
        json.loads((shop / run / "manifest.json").read_text())["split_hash"] for run in ("run", "other")
    ]
    assert hashes[0] == hashes[1]


def test_a_split_without_columns_hides_what_the_table_says_now(shop: Path):
    """S0-02: who is in which part is all that the file of a split decides."""
    lines = (shop / "run" / "split.csv").read_text().splitlines()
    (shop / "parts.csv").write_text("\n".join(",".join(line.split(",")[:4]) for line in lines) + "\n")
    parts = [f"--config.dataset.path={shop}/shop.csv", f"--config.split.file={shop}/parts.csv"]
    done = vitlab("main", *SETTINGS, *parts, f"--workdir={shop}/bare")
    assert done.returncode == 0, done.stderr
    assert "blue (not to be shown)" in (shop / "bare" / "report.html").read_text()
    metrics = json.loads((shop / "bare" / "metrics.json").read_text())
    assert metrics["all"]["test"]["hard"]["shiny"]["n"] == 6


def test_a_split_that_was_changed_during_a_run_is_refused(shop: Path, tmp_path: Path):
    shutil.copytree(shop / "run", tmp_path / "run")
    split = tmp_path / "run" / "split.csv"
    split.write_text(split.read_text().replace('"train"', '"val"', 1))
    (tmp_path / "run" / "report.html").unlink()
    path = f"--config.dataset.path={shop}/shop.csv"
    done = vitlab("main", *SETTINGS, path, f"--workdir={tmp_path}/run")
    assert done.returncode == 2
    assert "split.csv has changed since the run began" in done.stderr


def test_a_table_is_evaluated_as_a_folder_is(shop: Path):
    done = vitlab("evaluate", f"--workdir={shop}/run", f"--data={shop}/shop.csv")
    assert done.returncode == 0, done.stderr
    assert "n = 60" in done.stdout
    assert "48 of 60 images were in the train or val part of this run" in done.stdout
    assert list((shop / "run" / "evaluations" / "all").glob("shop.csv-*/metrics.json"))


def test_a_table_elsewhere_is_evaluated_with_the_folder_of_its_images(shop: Path, tmp_path: Path):
    elsewhere = shutil.copy(shop / "shop.csv", tmp_path / "elsewhere.csv")
    lost = vitlab("evaluate", f"--workdir={shop}/run", f"--data={elsewhere}")
    assert lost.returncode == 2
    assert "vitlab.evaluate: --images=FOLDER" in lost.stderr
    done = vitlab("evaluate", f"--workdir={shop}/run", f"--data={elsewhere}", f"--images={shop}/images")
    assert done.returncode == 0, done.stderr
    assert "n = 60" in done.stdout
    for other in ([], [f"--data={shop}/images"]):
        alone = vitlab("evaluate", f"--workdir={shop}/run", *other, f"--images={shop}/images")
        assert alone.returncode == 2
        assert "--images is the folder of the images that --data=CSV names" in alone.stderr


def test_a_split_that_does_not_exist_is_refused(shop: Path):
    done = vitlab(
        "main",
        *SETTINGS,
        f"--config.dataset.path={shop}/shop.csv",
        "--config.split.file=nowhere.csv",
        f"--workdir={shop}/none",
    )
    assert done.returncode == 2
    assert "cannot read the split" in done.stderr and "nowhere.csv" in done.stderr
    assert not (shop / "none").exists()
