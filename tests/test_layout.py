"""Imports run one way: commands, then reporting and evaluation, training, data and models, weights."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

# A room may import the rooms of a lower rank. Modules that stand alone (errors, files, config, ...)
# know no room.
RANK = {"weights": 0, "models": 1, "data": 1, "training": 2, "evaluation": 3, "reporting": 4}
FILES = sorted((ROOT / "vitlab").rglob("*.py"))
TOP = {path.stem for path in FILES if path.parent.name == "vitlab"}
COMMANDS = {
    "preparation": 4,
    "conclusion": 5,
    "job": 6,
    "find_rate_job": 5,
    "evaluation_job": 5,
    "summary_job": 5,
    "dataset_job": 5,
    "feasibility_job": 5,
    "population_job": 5,
    "compare_job": 5,
}
COMMANDS |= {"main": 7, "evaluate": 6, "convert": 6, "summary": 6, "dataset": 6, "find_rate": 6}
COMMANDS |= {"population": 6, "feasibility": 6, "compare": 6}


def rank(parts: tuple[str, ...]) -> int:
    """Of a module by its path below `vitlab`."""
    if parts[0] in RANK:
        return RANK[parts[0]]
    return COMMANDS.get(parts[0], -1)


def imported(path: Path) -> set[tuple[str, ...]]:
    """The vitlab modules that a file imports, as paths below `vitlab`."""
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "vitlab":
            found |= {(alias.name,) for alias in node.names if alias.name in TOP | RANK.keys()}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vitlab."):
            found.add(tuple(str(node.module).split(".")[1:]))
        elif isinstance(node, ast.Import):
            found |= {
                tuple(alias.name.split(".")[1:])
                for alias in node.names
                if alias.name.startswith("vitlab.")
            }
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_stands_below_it(path: Path) -> None:
    own = path.relative_to(ROOT / "vitlab").with_suffix("").parts
    if own == ("__init__",):
        return
    for module in imported(path):
        same_room = module[0] == own[0]
        assert same_room or rank(module) < rank(own) or rank(module) == -1, f"imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_reaches_past_the_front_of_a_room(path: Path) -> None:
    own = path.relative_to(ROOT / "vitlab").with_suffix("").parts
    for module in imported(path):
        if module[0] in RANK and module[0] != own[0]:
            assert len(module) == 1, f"imports {'.'.join(module)} past {module[0]}/__init__.py"


def test_a_file_is_short_enough_to_be_read_at_once() -> None:
    lengths = {path: path.read_text().count("\n") for path in FILES}
    assert not {path.name: count for path, count in lengths.items() if count > 330}
