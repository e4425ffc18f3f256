"""What changed is told between recipes, and from the chosen one where there are many."""

import re
from pathlib import Path

from tests.reporting.made_runs import invented_split, make_run
from tests.reporting.pages import compare
from vitlab.reporting.comparison.changed import ALL_PAIRS
from vitlab.reporting.comparison.gallery import SOME
from vitlab.reporting.comparison.report import MOST_CHANGES


def test_of_many_runs_the_chosen_one_is_held_against_each_other(tmp_path: Path):
    split = invented_split(["a", "b"], 60)
    names = [f"net{index}" for index in range(ALL_PAIRS + 2)]
    paths = [
        make_run(tmp_path / name, split, {"t": 0.95 if index == 3 else 0.6}, chance=index, network=name)
        for index, name in enumerate(names)
    ]
    page, found = compare(paths, tmp_path / "out", resamples=100)
    assert found["selection"][0]["model"] == "net3"
    pairs = [(row["before"], row["after"]) for row in found["changes"]]
    assert pairs == [("net3", name) for name in names if name != "net3"]
    assert "the chosen one, to the last model of each other recipe" in page.words


def test_seeds_of_a_recipe_do_not_repeat_what_changed(tmp_path: Path):
    split = invented_split(["a", "b"], 60)
    paths = [
        make_run(tmp_path / f"{name}{seed}", split, {"t": chance}, chance=seed, seed=seed, network=name)
        for name, chance in (("mobile", 0.9), ("vit", 0.7))
        for seed in range(3)
    ]
    twin = make_run(tmp_path / "same", split, {"t": 0.9}, chance=0, network="other")
    page, found = compare([*paths, twin], tmp_path / "out", resamples=100)
    pairs = [(row["before"], row["after"]) for row in found["changes"]]
    assert pairs == [("mobile0", "vit0"), ("mobile0", "same"), ("vit0", "same")]
    assert "From mobile0 to vit0" in page.words
    assert "From mobile0 to same" not in page.words  # nothing changed


def test_of_more_images_than_are_shown_it_is_said_how_many_they_are(compared):
    page, found, _ = compared
    first = [row for row in found["changes"] if row["fixed"] or row["broken"]][:MOST_CHANGES]
    counts = [len(row[key]) for row in first for key in ("fixed", "broken")]
    assert max(counts) > SOME
    assert [
        int(count) for count in re.findall(rf"{SOME} of these (\d+) images are shown", page.words)
    ] == [count for count in counts if count > SOME]
