"""A table says the same on a page, in CSV and in LaTeX, and neither runs what a cell contains."""

import csv
import io

import pytest

from vitlab.language import WIDE
from vitlab.progress import score_text
from vitlab.reporting.tables import MINUS, Column, Table, formatted

COLUMNS = (
    Column("model", "model"),
    Column("accuracy", "accuracy", "percent"),
    Column("n", "n", "count"),
)


def table(*models: str) -> Table:
    rows = [
        {"model": model, "accuracy": 0.9123456, "accuracy_interval": (0.88, 0.94), "n": 1234}
        for model in models
    ]
    return Table("figures", COLUMNS, rows)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_every_digit_and_the_ends_of_intervals():
    (row,) = read(table("vit").csv())
    assert {key: float(row[key]) for key in ("accuracy", "accuracy_low", "accuracy_high")} == {
        "accuracy": 0.9123456,
        "accuracy_low": 0.88,
        "accuracy_high": 0.94,
    }
    assert row["n"] == "1234"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
def test_a_spreadsheet_takes_no_cell_for_a_formula(start: str):
    name = f'{start}HYPERLINK("http://x","y")'
    (row,) = read(table(name).csv())
    assert row["model"][0] == "'"
    assert "HYPERLINK" in row["model"]


def test_of_a_tiny_variance_its_digits_are_told_and_not_zeros():
    table = Table("t", (Column("variance", "variance", "short"),), [{"variance": 0.0004**2}])
    assert next(table.cells())[0].text == f"1.6e{MINUS}07"


def test_a_number_below_zero_is_no_formula():
    rows = [{"difference": -0.25}]
    text = Table("pairs", (Column("difference", "difference", "points"),), rows).csv()
    assert text == "difference\n-0.25\n"


def test_what_is_not_known_is_empty_in_csv_and_a_dash_elsewhere():
    rows = [{"model": None, "accuracy": None, "n": None}]
    empty = Table("figures", COLUMNS, rows)
    assert empty.csv().split("\n")[1] == ",,"
    assert [cell.text for cell in next(empty.cells())] == ["–"] * 3
    assert r"-- & -- & -- \\" in empty.latex()


def test_a_number_that_would_fill_the_page_is_written_by_its_power():
    texts = [formatted(value, "number") for value in (1.7e31, 99999.5, 0.25, 1e-7, float("nan"))]
    assert texts == ["1.7e+31", "99999.5000", "0.2500", f"1.0e{MINUS}07", "nan"]
    assert [score_text(value, 4) for value in (1.7e31, 99999.5, 0.25)] == [
        "1.7e+31",
        "99999.5000",
        "0.2500",
    ]


def test_latex_escapes_every_letter_that_it_would_obey():
    text = table(r"a_b & 50% #1 {x} $y$ \input{z} ~^<i>").latex()
    assert (
        r"a\_b \& 50\% \#1 \{x\} \$y\$ \textbackslash{}input\{z\} "
        r"\textasciitilde{}\textasciicircum{}\textless{}i\textgreater{}"
    ) in text
    assert r"91.23~\% (88.00 to 94.00) & 1,234 \\" in text
    assert r"\begin{tabular}{lrr}" in text


def test_only_so_many_rows_stand_on_a_page_and_the_files_have_all():
    many = Table("figures", COLUMNS, table(*map(str, range(10))).rows, most=4)
    assert len(list(many.cells())) == 4
    assert many.more == 6
    assert len(read(many.csv())) == 10


def test_a_probability_is_never_rounded_across_the_level():
    assert formatted(0.04996, "p") == ".050"
    assert formatted(0.0502, "p") == ".0502"
    assert formatted(0.05, "p") == ".050"
    assert formatted(0.0004, "p") == "< .001"
    assert formatted(1.0, "p") == "1.000"


def test_a_small_difference_is_not_shown_as_none():
    assert formatted(-0.00001, "number") == "−1.0e−05"
    assert formatted(0.0, "number") == "0.0000"


def test_what_names_a_row_stays_in_sight_with_its_number():
    numbered = Table(
        "figures", (Column("number", "#", "count"), Column("model", "model"), *COLUMNS[1:]), []
    )
    assert numbered.pins == ["pin number", "pin", *[""] * (len(COLUMNS) - 1)]
    ranked = Table("selection", (Column("rank", "rank", "count"), *COLUMNS), [])
    assert ranked.pins == ["", "pin", *[""] * (len(COLUMNS) - 1)]
    assert Table("numbers", COLUMNS[1:], []).pins[0] == "pin"


def test_a_number_of_images_that_is_no_advice_is_not_told_and_files_have_it():
    rows: list[dict[str, int | None]] = [{"needed": n} for n in (4_000_000_000, 1_000_000, None)]
    needed = Table("pairs", (Column("needed", "images needed", "images"),), rows)
    cells = [row[0] for row in needed.cells()]
    assert [cell.text.replace(WIDE, " ") for cell in cells] == ["more than 1,000,000", "1,000,000", "–"]
    assert [cell.order for cell in cells] == ["4000000000", "1000000", ""]
    assert needed.csv().split() == ["needed", "4000000000", "1000000", '""']
    assert formatted(1001, "seeds") == "more than 1,000"
