"""docs/hazard-log.md: every hazard has its control and its test, and both are there."""

import ast
import re
from pathlib import Path

import pytest

from bot.paths import ROOT

HAZARDS = [f"HZ-{number:02}" for number in range(1, 25)]
COLUMNS = ["id", "hazard", "severity", "before", "control", "tests", "after", "still open"]
RATING = r"(very high|high|medium|low|very low), [1-5]"


def rows() -> dict[str, dict[str, str]]:
    lines = [line for line in (ROOT / "docs" / "hazard-log.md").read_text().splitlines() if line.startswith("| HZ-")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {each[0]: dict(zip(COLUMNS, each, strict=True)) for each in cells}


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_hazard_is_in_the_log_once_and_in_order():
    assert list(rows()) == HAZARDS


@pytest.mark.parametrize("hazard", HAZARDS)
def test_every_hazard_has_a_rating_a_control_and_tests_that_exist(hazard):
    row = rows()[hazard]
    assert re.fullmatch(RATING, row["before"])
    assert re.fullmatch(RATING, row["after"])
    files = re.findall(r"`([\w./]+)`", row["control"])
    assert files
    assert [file for file in files if not (ROOT / file).exists() and not file.startswith("/")] == []
    named = re.findall(r"`((?:browser/)?test_\w+\.py)::(test_\w+)`", row["tests"])
    assert named
    assert [f"{file}::{test}" for file, test in named if test not in functions_of(ROOT / "tests" / file)] == []
