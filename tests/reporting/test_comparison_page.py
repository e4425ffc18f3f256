"""The page of a comparison: alone, without script errors, as wide as its window."""

import re
from pathlib import Path

from tests.reporting.made_runs import (
    invented_split,
    make_run,
)
from tests.reporting.pages import PAPER, assert_stands_alone, compare, in_a_browser, sheets
from vitlab.reporting.drawing import shortened, text_width


def test_curves_have_a_red_line_where_the_second_phase_begins(compared):
    _, _, output = compared
    curves = (output / "figures" / "curves_accuracy_1.svg").read_text()
    assert "finetune begins" in curves
    assert curves.count('class="begins"') == 1
    assert "#C1121F" in curves
    assert 'class="begins"' not in (output / "figures" / "curves_loss_3.svg").read_text()


def test_the_curves_of_ranks_are_those_of_the_best_models_by_number(compared):
    page, found, output = compared
    assert "Where curves coincide, one is seen between the dashes of the other." in page.words
    numbers = sorted(row["number"] for row in found["selection"][:6])
    for name in ("roc", "precision_recall"):
        svg = (output / "figures" / f"{name}.svg").read_text()
        lines = re.findall(r"<polyline[^>]*stroke=\"([^\"]*)\"[^>]*?(?:dasharray=\"([^\"]*)\")?/>", svg)
        assert len(lines) == 2 * len(numbers) == 12  # each curve, and its sign above
        assert len({dashes for _, dashes in lines}) == len(set(lines)) == 6  # seen if they coincide
        assert all(f">{number}</text>" in svg for number in numbers)


def test_names_of_a_matrix_are_cut_in_the_middle_and_stay_apart():
    start = "a class whose name is rather long, "
    cut = [shortened(start + end, 104) for end in ("first", "second")]
    assert all(name.startswith("a class") and "…" in name for name in cut)
    assert cut[0].endswith("first")
    assert cut[1].endswith("second")
    assert all(text_width(name) <= 104 for name in (*cut, shortened("W" * 80, 104)))
    assert shortened("cat", 104) == "cat"


def test_the_page_stands_alone_and_has_pictures_titled_by_truth_and_answer(compared):
    page, _, output = compared
    assert_stands_alone((output / "report.html").read_text())
    assert len(page.targets) > 10
    words = " ".join("".join(page.text).split())
    assert len(re.findall(r"True: \d", words)) >= 16
    assert len(re.findall(r"Pred: \d \(\d+ %\)", words)) >= 16
    # Of more than six models it is said how many are right, and then who is wrong.
    assert re.search(r"\d of 8 models right", words)


def test_in_a_browser_nothing_overflows_and_a_click_sorts(compared, tmp_path: Path):
    _, found, output = compared
    accuracy = {row["model"]: row["accuracy"] for row in found["figures"]}
    for whole, inner, names, left in in_a_browser(
        (output / "report.html").read_text(), tmp_path, "table-figures", clicked=3, named=1
    ):
        assert whole <= inner
        assert 0 <= left < inner / 2
        accuracies = [accuracy[name] for name in names]
        assert accuracies == sorted(accuracies, reverse=True)


def test_every_sheet_of_paper_stands_upright_and_is_as_wide_as_its_tables(compared, tmp_path: Path):
    """A browser that finds a page too wide for its paper makes all of it smaller."""
    text = (compared[2] / "report.html").read_text()
    (tmp_path / "print.html").write_text(text)
    assert all(width < height for width, height in sheets(tmp_path / "print.html", tmp_path))
    shown = text.replace("@media print", "@media screen").replace("<details>", "<details open>")
    ((whole, inner, *_),) = in_a_browser(
        shown, tmp_path, "table-figures", clicked=0, named=1, windows=PAPER
    )
    assert whole <= inner


def test_in_a_browser_long_names_break(tmp_path: Path):
    split = invented_split(["x" * 120, "a class with a rather long name", "c"], 60)
    paths = [
        make_run(tmp_path / (f"{index}" + "_a_long_name" * 9), split, {"t": 0.7}, chance=index)
        for index in (1, 2)
    ]
    compare(paths, tmp_path / "out", resamples=200)
    page = (tmp_path / "out" / "report.html").read_text()
    seen = in_a_browser(page, tmp_path, "table-figures", clicked=3, named=1)
    assert all(whole <= inner for whole, inner, *_ in seen)
