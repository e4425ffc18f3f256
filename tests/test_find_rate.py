"""What a user gets from `vitlab.find_rate`: a figure, a table, and the flag to paste."""

import csv
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import vitlab

DIGITS = "--config=tests/configs/small.py"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    output = tmp_path_factory.mktemp("rate")
    plain = ("--config.phases.head.views=0", "--config.phases.head.augmentation.rotation=0")
    result = vitlab("find_rate", DIGITS, *plain, "--steps=60", f"--output={output}")
    assert result.returncode == 0, result.stderr
    return result.stdout, output


def test_it_says_the_flag_that_sets_the_rate(found: tuple[str, Path]):
    text, _ = found
    flag = re.search(r"suggested: --config\.phases\.head\.learning_rate=(\S+)", text)
    assert flag and 1e-4 < float(flag[1]) < 1


def test_the_table_has_a_row_for_each_step(found: tuple[str, Path]):
    rows = list(csv.DictReader((found[1] / "rates.csv").open()))
    assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
    assert float(rows[0]["rate"]) == pytest.approx(1e-7)
    assert float(rows[0]["loss"]) == pytest.approx(math.log(10), abs=1e-5)


def test_the_figure_is_drawn_and_nothing_else_is_left(found: tuple[str, Path]):
    _, output = found
    assert {path.name for path in output.iterdir()} == {"rates.csv", "rates.svg"}
    text = "".join(ElementTree.parse(output / "rates.svg").getroot().itertext())
    assert "suggested" in text
    assert "learning rate" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a config with --config=FILE"),
        ([DIGITS], "give a folder for the figure with --output=DIR"),
        ([DIGITS, "--output=x", "--phase=tail"], "no phase 'tail' (--phase); it has head, all"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2_without_importing_jax(
    without_jax, tmp_path: Path, arguments: list[str], message: str
):
    result = vitlab("find_rate", *arguments, **without_jax)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
