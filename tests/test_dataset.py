"""`python -m vitlab.dataset` as a user runs it: flags, files, the page, and what it refuses."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ROOT, vitlab
from tests.data.inspection.collections import blurred, photograph, save
from tests.reporting.pages import Page, assert_stands_alone


def look(data: object, output: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return vitlab("dataset", f"--data={data}", f"--output={output}", *arguments)


ODD_NAMES = (
    "two words.png",
    "👩‍🌾.png",
    "a\nb.png",
    "\u202egnp.x",
    "<script>alert(1)</script>.png",
    "تفاح.png",
)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes with one of each thing that can be wrong."""
    folder = tmp_path_factory.mktemp("collection") / "<b>pets"
    for seed in range(6):
        save(photograph(seed), folder / "<i>cat" / f"{seed}.jpg")
    for seed, name in enumerate(ODD_NAMES):
        save(photograph(10 + seed), folder / "dog 🐕" / name, format="PNG")
    save(photograph(0).resize((100, 75)), folder / "dog 🐕" / "cat.jpg")
    save(photograph(1), folder / "<i>cat" / "copy.jpg")
    save(blurred(30), folder / "dog 🐕" / "blurred.jpg")
    save(Image.new("RGB", (50, 50), "white"), folder / "dog 🐕" / "white.png")
    (folder / "dog 🐕" / "<script>.jpg").write_text("no image")
    os.symlink("loop\n.png", folder / "dog 🐕" / "loop\n.png")
    return folder


@pytest.fixture(scope="module")
def looked(collection: Path) -> tuple[dict, Page, str]:
    """dataset.json, the page, and what was said."""
    output = collection.parent / "report"
    result = look(collection, output, f"--fix={collection.parent}/clean")
    assert result.returncode == 0, result.stderr
    facts = json.loads((output / "dataset.json").read_text(encoding="utf-8"))
    return facts, Page((output / "report.html").read_text(encoding="utf-8")), result.stdout


def test_the_json_names_what_is_wrong(looked: tuple[dict, Page, str]):
    facts, _, said = looked
    assert facts["images"] == 16
    assert facts["unreadable"] == {
        "dog 🐕/<script>.jpg": "not an image",
        "dog 🐕/loop\n.png": "not a file that can be opened",
    }
    copies = {tuple(one["paths"]): one for one in facts["copies"]}
    assert set(copies) == {("<i>cat/1.jpg", "<i>cat/copy.jpg"), ("<i>cat/0.jpg", "dog 🐕/cat.jpg")}
    assert copies["<i>cat/0.jpg", "dog 🐕/cat.jpg"]["classes"] == ["<i>cat", "dog 🐕"]
    assert list(facts["flaws"]["blank"]["images"]) == ["dog 🐕/white.png"]
    assert "dog 🐕/blurred.jpg" in facts["flaws"]["blurred"]["images"]
    assert "files that cannot be read: 2" in said
    assert "of these, under several labels: 1" in said


def test_the_page_says_the_same_and_stands_alone(looked: tuple[dict, Page, str]):
    _, page, _ = looked
    numbers = dict(page.texts("findings")[1:])
    assert numbers["files that cannot be read"] == "2"
    assert numbers["pictures that are there more than once, equal to the last pixel"] == "1"
    assert numbers["pictures that are there more than once, nearly the same"] == "1"
    assert numbers["of these, under several labels"] == "1"
    assert numbers["images that are blank"] == "1"
    assert_stands_alone(page.source)
    assert ["PNG RGB", "7"] in page.texts("kinds")
    assert ["dog 🐕/loop\\n.png", "not a file that can be opened"] in page.texts("unreadable")


def test_the_page_ends_with_the_command_that_made_it(looked: tuple[dict, Page, str], collection: Path):
    facts, page, _ = looked
    assert page.targets[:3] == ["findings", "classes", "sizes"]
    assert f"python -m vitlab.dataset '--data={collection}'" in page.words
    assert f"cd {ROOT}" in page.words
    assert facts["config"]["dataset"]["path"] == str(collection)
    assert json.dumps(facts["packages"]["pillow"]) in page.words


def test_nothing_that_a_name_contains_becomes_part_of_the_page(looked: tuple[dict, Page, str]):
    _, page, _ = looked
    assert not {"b", "i"} & set(page.tags)
    assert page.tags.count("script") == 1  # vitlab's own, which sorts
    assert not page.handlers
    assert "\u202e" not in "".join(page.text)
    assert any("<i>cat" in text for text in page.text)


def test_the_clean_copy_can_be_looked_at_again(
    collection: Path, looked: tuple[dict, Page, str], tmp_path
):
    result = look(collection.parent / "clean", tmp_path / "report")
    assert result.returncode == 0, result.stderr
    facts = json.loads((tmp_path / "report" / "dataset.json").read_text(encoding="utf-8"))
    assert facts["unreadable"] == {}
    assert [one["kind"] for one in facts["copies"]] == ["nearly the same"]
    assert facts["images"] == looked[0]["images"] - 1


def test_columns_of_a_table_and_the_parts_of_a_split_come_from_flags(tmp_path: Path):
    for seed in range(4):
        save(photograph(seed), tmp_path / f"{seed}.png")
    save(photograph(3).resize((120, 90)), tmp_path / "4.png")
    lines = [f"{seed}.png,{'ab'[seed % 2]} >> c" for seed in range(5)]
    (tmp_path / "t.csv").write_text("\n".join(["file,tree", *lines]))
    columns = ["path=file", "label=tree"]
    flags = [f"--config.dataset.columns.{column}" for column in columns]
    result = look(tmp_path / "t.csv", tmp_path / "one", *flags, "--config.dataset.label_separator=>>")
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "one" / "dataset.json").read_text())["classes"] == {"a": 3, "b": 2}
    assert "under several labels: 1" in result.stdout


def test_a_config_of_a_training_can_be_looked_at(tmp_path: Path):
    result = vitlab("dataset", "--config=configs/digits.py", f"--output={tmp_path}/report")
    assert result.returncode == 0, result.stderr
    assert "digits: 1797 images of 10 classes" in result.stdout


def test_the_parts_of_a_stored_split_are_shown(small_run: Path, tmp_path: Path):
    result = look("digits", tmp_path / "report", f"--split={small_run}/split.csv")
    assert result.returncode == 0, result.stderr
    parts = json.loads((tmp_path / "report" / "dataset.json").read_text())["parts"]
    stored = json.loads((small_run / "manifest.json").read_text())["parts"]
    assert {part: sum(of.values()) for part, of in parts.items()} == stored


def test_a_trained_network_is_asked_about_near_copies(small_run: Path, collection: Path, tmp_path: Path):
    result = look(collection, tmp_path / "report", f"--weights={small_run}/model/all")
    assert result.returncode == 0, result.stderr
    assert "pairs that look alike the network takes" in result.stdout


def test_the_report_of_a_run_is_not_overwritten(small_run: Path):
    before = (small_run / "report.html").read_bytes()
    result = vitlab("dataset", "--data=digits", f"--output={small_run}")
    assert result.returncode == 2
    assert "holds a run, and its report; name another folder with --output=DIR" in result.stderr
    assert (small_run / "report.html").read_bytes() == before


def test_a_clean_copy_that_the_names_forbid_is_refused_before_an_image_is_read(tmp_path: Path):
    for index, folder in enumerate(("a", "b")):
        save(photograph(index), tmp_path / "images" / folder / "1.png")
    (tmp_path / "t.csv").write_text("path,label\na/1.png,A/b\nb/1.png,A-b\n")
    result = look(
        tmp_path / "t.csv",
        tmp_path / "early",
        "--config.dataset.images=images",
        f"--fix={tmp_path}/clean",
    )
    assert result.returncode == 2
    assert "would share a folder of the copy" in result.stderr
    assert not (tmp_path / "early" / "report.html").exists()


def test_what_is_wrong_with_a_table_is_in_the_report_and_its_json(tmp_path: Path):
    for index in range(60):
        save(photograph(index, 40, 30), tmp_path / f"{index}.png")
    rows = [f"{index}.png,{label}\n" for index in range(60) for label in ("x", "y")][:120]
    (tmp_path / "t.csv").write_text("path,label\n60.png,\n" + "".join(rows) + "a.png,x\n" + "0.png,y\n")
    save(photograph(99), tmp_path / "a.png")
    result = look(tmp_path / "t.csv", tmp_path / "report")
    assert result.returncode == 0, result.stderr
    facts = json.loads((tmp_path / "report" / "dataset.json").read_text(encoding="utf-8"))
    first, second = facts["remarks"]
    assert first["about"] == ["line 2: 60.png"]
    assert len(second["about"]) == 121
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "line 3: 0.png" in page
    assert "The first 50 of 121; dataset.json names all." in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a folder for the report with --output=DIR"),
        (["--output=x"], "no images are given; name their folder with --data=FOLDER"),
        (["--output=x", "--data=/no/such"], "there is no folder '/no/such'; name it with --data=FOLDER"),
        (["--output=x", "--data=setup.py"], "'setup.py' is no folder, and no table"),
        (["--output=x", "--data=digits", "--model=vit_ti16"], "--model is the network of --weights"),
        (
            ["--output=x", "--data=digits", "--weights=a.npz"],
            "name the network that a.npz is of with --mo",
        ),
        (
            ["--output=x", "--data=digits", "--fix="],
            "name a new folder for the cleaned copy with --fix=DIR",
        ),
        (
            ["--output=x", "--data=digits", "--fix=tests"],
            "tests is there and not empty; name a new folder",
        ),
        (
            ["--output=x", "--data=digits", "--config.dataset.colums.path=a"],
            "unknown config key 'colums'",
        ),
        (["--output=x", "--data=digits", "--config.seed=many"], "invalid literal for int()"),
        (["--output=x", "--data=digits", "--config.seed=-1"], "seed is -1; it must be at least 0"),
        (["--output=x", "--data=digits", "--config=nowhere.py"], "there is no config file 'nowhere.py'"),
        (["--output=setup.py", "--data=digits"], "cannot write setup.py/report.html: Not a directory"),
        (["--output=x", "--data=digits", "--split=setup.py"], "setup.py is no split"),
    ],
)
def test_wrong_flags_are_one_line(arguments: list[str], message: str):
    result = vitlab("dataset", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("x").exists()


def test_neither_the_copy_nor_the_report_may_lie_in_the_collection(image_folder, tmp_path: Path):
    folder = image_folder({"a": 2, "b": 2})
    os.symlink(folder, tmp_path / "link")
    for inside in (folder, folder / "clean", folder / "a" / "clean", tmp_path / "link" / "clean"):
        result = look(folder, tmp_path / "report", f"--fix={inside}")
        assert result.returncode == 2
        assert "lies in a folder of the images" in result.stderr
    assert "(--output)" in look(folder, folder / "report").stderr
    linked = tmp_path / "linked"  # a collection of links to class folders elsewhere
    linked.mkdir()
    for name in ("a", "b"):
        os.symlink(folder / name, linked / name)
    result = look(linked, tmp_path / "report", f"--fix={folder}/a/clean")
    assert "lies in a folder of the images" in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_a_file_that_may_not_be_read_is_named(image_folder, tmp_path: Path):
    folder = image_folder({"a": 2, "b": 2})
    (folder / "a" / "000.png").chmod(0)
    if os.access(folder / "a" / "000.png", os.R_OK):
        pytest.skip("this user may read everything")
    result = look(folder, tmp_path / "report")
    facts = json.loads((tmp_path / "report" / "dataset.json").read_text())
    assert facts["unreadable"] == {"a/000.png": "Permission denied"}, result.stderr


@pytest.mark.assets
def test_loose_images_are_told_what_to_do(assets: Path, tmp_path: Path):
    result = look(assets / "data" / "odd_images", tmp_path / "report")
    assert result.returncode == 2
    assert "a class is a folder of images: make one for each class, or name" in result.stderr


@pytest.mark.assets
def test_the_odd_images_are_all_accounted_for(assets: Path, tmp_path: Path):
    (tmp_path / "whole").mkdir()
    os.symlink(assets / "data" / "odd_images", tmp_path / "whole" / "odd")
    result = look(tmp_path / "whole", tmp_path / "report", f"--fix={tmp_path}/clean")
    assert result.returncode == 0, result.stderr
    facts = json.loads((tmp_path / "report" / "dataset.json").read_text())
    assert (facts["images"], len(facts["unreadable"])) == (29, 9)
    assert len(list((tmp_path / "clean" / "odd").iterdir())) == 28  # iss634 is there as GIF and as WebP


def test_the_cache_of_decoded_images_is_cleared_by_a_flag(tmp_path: Path):
    cache = {"VITLAB_CACHE": str(tmp_path / "cache")}
    workdir = f"--workdir={tmp_path}/run"
    done = vitlab("main", "--config=tests/configs/small.py", workdir, **cache)
    assert done.returncode == 0, done.stderr
    packs = list((tmp_path / "cache" / "pixels").glob("*/*/pixels.u8"))
    assert packs
    done = vitlab("dataset", "--clear_cache", **cache)
    assert done.returncode == 0, done.stderr
    assert "GiB removed" in done.stdout
    assert not list((tmp_path / "cache" / "pixels").glob("*/*/pixels.u8"))
