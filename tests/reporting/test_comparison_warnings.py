"""What must not be overlooked in a comparison: weights that knew the images, other splits, machines."""

import dataclasses
from pathlib import Path
from typing import Any

from tests.reporting.made_runs import change_json, digits_split, invented_split, make_run
from tests.reporting.pages import compare
from vitlab.data import Split

SIGN = "2 of 2 classes carry a WordNet number, as ImageNet's do"


def test_weights_that_may_have_met_the_images_are_a_warning_that_names_the_runs(tmp_path: Path, capsys):
    split = invented_split(["a", "b"], 40)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index) for index in range(4)]
    for path in paths[:2]:
        change_json(path / "manifest.json", pretraining={"data": "ImageNet-1k", "signs": [SIGN]})
    met: dict[str, Any] = {"data": None, "signs": [], "met": 12, "tested": 40}
    change_json(paths[2] / "manifest.json", pretraining=met)
    change_json(paths[3] / "manifest.json", pretraining=met | {"met": 0})
    page, found = compare(paths, tmp_path / "out")
    first, second = (row["warning"] for row in found["pretraining"])
    assert f"at the start of r0, r1 may have been trained on these images: {SIGN}." in first
    assert second.startswith(
        "Test images that the weights at the start of r2 were trained on or chosen by: 12 of 40"
    )
    told = capsys.readouterr().out
    for warning in (first, second):
        assert warning in page.words
        assert f"warning: {warning}" in told


def test_common_test_images_of_other_splits_are_no_ground_to_choose_by_validation(
    tmp_path: Path, capsys
):
    split = digits_split(images=200)
    swapped = {"train": "val", "val": "train", "test": "test"}
    other = Split(split.table, tuple(swapped[part] for part in split.parts))
    paths = [
        make_run(tmp_path / f"r{index}", chosen, {"t": 0.8}, chance=index, seed=index)
        for index, chosen in enumerate((split, other))
    ]
    page, found = compare(paths, tmp_path / "out", intersect=True)
    assert found["left_out"] == {"r0": 0, "r1": 0}
    assert found["has_other_splits"]
    assert "The runs have different splits, and are compared on the 100 test images" in page.words
    assert "this is no ground to choose by" in page.words
    assert "which is what to choose by" not in page.words
    assert [row["seeds"] for row in found["selection"]] == [1, 1]  # no seeds of one recipe
    assert [told["first"] for told in found["verdicts"]] == ["r0"]
    assert "Repeated seeds" not in page.words
    told = capsys.readouterr().out
    assert "left out" not in told
    assert "the order by validation accuracy is no ground to choose by" in told
    page, found = compare([paths[0], *_more(tmp_path, split)], tmp_path / "same", intersect=True)
    assert not found["has_other_splits"]
    assert "which is what to choose by" in page.words


def _more(folder: Path, split: Split) -> list[Path]:
    return [make_run(folder / "more", split, {"t": 0.9}, chance=7, network="cnn")]


def test_classes_without_a_test_image_are_a_warning(tmp_path: Path, capsys):
    many = [f"c{index:02}" for index in range(24)]
    for folder, names, told, more in (
        ("one", ["a", "b", "c"], "c", ""),
        ("many", ["a", "b", *many], ", ".join(many[:20]), "; and more"),
        ("none", ["a", "b"], "", ""),
    ):
        whole = invented_split(["a", "b"], 40)
        split = Split(dataclasses.replace(whole.table, class_names=tuple(names)), whole.parts)
        paths = [
            make_run(tmp_path / folder / f"r{index}", split, {"t": 0.8}, chance=index)
            for index in (0, 1)
        ]
        page, found = compare(paths, tmp_path / folder / "out")
        said = capsys.readouterr().out
        assert found["untested_classes"] == names[2:]
        sentence = "of which no figure on this page says how well they are told:"
        assert (sentence in page.words) == bool(told)
        line = f"warning: no figure says how well classes without a test image are told: {told}{more}\n"
        assert (line in said) == bool(told)
        if told:
            listed = page.words.partition(sentence)[2].replace(" ,", ",").replace(" ;", ";")
            assert listed.strip().startswith(f"{told}{more}")


def test_a_copied_run_gives_identical_answers_and_seeds_are_named_in_the_selection(tmp_path: Path):
    split = digits_split(images=80)
    paths = [
        make_run(tmp_path / name, split, {"t": 0.8}, chance=chance, seed=chance)
        for name, chance in (("r1", 1), ("s2", 2))
    ]
    twin = make_run(tmp_path / "twin", split, {"t": 0.8}, chance=1, network="cnn")
    _, found = compare([paths[0], twin], tmp_path / "two")
    assert "r1 and twin give the same answer to each of these 40 images." in [
        pair["statement"] for pair in found["pairs"]
    ]
    page, found = compare([*paths, twin], tmp_path / "out")
    assert {tuple(row["members"]) for row in found["selection"]} == {("r1", "s2"), ("twin",)}
    assert "r1, s2" in [cells[4] for cells in page.texts("selection")]


def test_a_network_has_one_time_and_each_machine_a_front(tmp_path: Path):
    split = invented_split(["a", "b"], 100)
    accuracies, times = (0.7, 0.8, 0.9), (4.0, 9.0, 5.0)
    paths = [
        make_run(tmp_path / f"r{index}", split, {"t": accuracy}, chance=index, milliseconds=time)
        for index, (accuracy, time) in enumerate(zip(accuracies, times, strict=True))
    ]
    other = make_run(tmp_path / "gpu", split, {"t": 0.5}, chance=9, milliseconds=0.1)
    network = {"milliseconds": 0.1, "device": "NVIDIA H100", "input_size": 8}
    change_json(other / "network.json", facts=network)
    page, found = compare([*paths, other], tmp_path / "out")
    rows = {row["model"]: row for row in found["latency"]}
    assert [rows[f"r{index}"]["milliseconds"] for index in range(3)] == [5.0, 5.0, 5.0]
    assert rows["r0"]["timings"] == 3
    assert {name for name, row in rows.items() if row["on_front"]} == {"r2", "gpu"}
    assert "measured on different machines: NVIDIA H100, Linux x86_64; cpu, Linux x86_64" in page.words
    figures = {row["model"]: row for row in found["figures"]}
    assert all(
        row["accuracy_interval"] == figures[name]["accuracy_interval"] for name, row in rows.items()
    )


def test_figures_without_an_interval_for_one_reason_are_told_together(tmp_path: Path):
    split = invented_split(["a", "b"], 60)
    paths = [make_run(tmp_path / f"r{index}", split, {"t": 1.0}, seed=index) for index in range(2)]
    page, found = compare(paths, tmp_path / "out")
    reasons = {reason for row in found["figures"] for reason in row["no_interval"].values()}
    assert sum(len(row["no_interval"]) for row in found["figures"]) > 6
    note = page.words[page.words.index("No interval: ") :]
    assert all(note.count(reason) == 1 for reason in reasons)
