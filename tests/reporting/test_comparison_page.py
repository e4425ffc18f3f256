"""The page of a comparison: alone, without script errors, as wide as its window."""

import re
from pathlib import Path

from tests.reporting.made_runs import (
    invented_split,
    make_run,
)
from tests.reporting.pages import assert_stands_alone, compare, in_a_browser


def test_curves_have_a_red_line_where_the_second_phase_begins(compared):
    _, _, output = compared
    curves = (output / "figures" / "curves_accuracy_1.svg").read_text()
    assert "finetune begins" in curves
    assert curves.count('class="begins"') == 1
    assert "#C1121F" in curves
    assert 'class="begins"' not in (output / "figures" / "curves_loss_3.svg").read_text()


def test_the_page_stands_alone_and_has_pictures_titled_by_truth_and_answer(compared):
    page, _, output = compared
    assert_stands_alone((output / "report.html").read_text())
    assert len(page.targets) > 10
    words = " ".join("".join(page.text).split())
    assert len(re.findall(r"True: \d", words)) >= 16
    assert len(re.findall(r"Pred: \d \(\d+ %\)", words)) >= 16


def test_in_a_browser_nothing_overflows_and_a_click_sorts(compared, tmp_path: Path):
    _, found, output = compared
    accuracy = {row["model"]: row["accuracy"] for row in found["figures"]}
    for whole, inner, names in in_a_browser(
        (output / "report.html").read_text(), tmp_path, "table-figures", clicked=3, named=1
    ):
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
    seen = in_a_browser(page, tmp_path, "table-figures", clicked=3, named=1)
    assert all(whole <= inner for whole, inner, _ in seen)
