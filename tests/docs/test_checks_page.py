"""docs/checks.md has every check that there is, and every situation that is tried, with the same word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from helpers.events import SCHEMA
from plan import test_plan
from plan.page import MARK, page
from plan.situation import SITUATIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "checks.md").read_text()
CLI = ROOT / "python" / "libvirt_migrate" / "cli"
NAMES = SCHEMA["$defs"]["check"]["properties"]["name"]["enum"]


def made() -> Iterator[str]:
    """The names of the checks that the code makes."""
    for path in sorted(CLI.rglob("*.py")):
        tree = ast.parse(path.read_text())
        constants = {
            target.id: statement.value.value
            for statement in tree.body
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            first = node.args[0]
            if node.func.id in ("Check", "check_accepted"):
                if isinstance(first, ast.Constant):
                    yield str(first.value)
                elif isinstance(first, ast.Name) and first.id in constants:
                    yield str(constants[first.id])


def rows(text: str, columns: int) -> Iterator[list[str]]:
    """The rows of the tables with so many columns, without their heads."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and set(cells[0]) != {"-"}:
            yield cells


def test_every_check_has_its_reasons_and_every_reason_its_check() -> None:
    told = {name for _, names, *_ in rows(PAGE.partition(MARK)[0], 4) for name in names.split(", ")}
    assert told - {"check"} == set(made()) == set(NAMES)


def test_a_result_is_one_that_there_is() -> None:
    results = {result for _, _, result, _ in rows(PAGE.partition(MARK)[0], 4)} - {"result"}
    assert results == {"fatal", "fails", "not known", "source's word"}


def test_every_situation_is_on_the_page_with_its_word() -> None:
    assert test_plan.MODULES
    told = {name.replace("\\", ""): said for name, said, _ in rows(PAGE.partition(MARK)[2], 3)}
    assert set(told) - {"situation"} == {one.name for one in SITUATIONS}
    assert len(SITUATIONS) >= 50
    for one in SITUATIONS:
        said = told[one.name]
        if one.word in ("ready", "unknown"):
            assert said.startswith("ready"), one
            assert all(name in said for name in one.unknown), one
        elif one.check is not None:
            assert said.startswith(f"{one.check}: "), one


def test_a_row_is_one_row() -> None:
    row = {"theme": "T", "name": "a | b", "said": "x: <y>", "happened": "moved", "word": "ready"}
    text = page(f"before\n{MARK}old", [row], "9.0.0")
    assert text.startswith(f"before\n{MARK}")
    assert "old" not in text
    assert "### T\n" in text
    assert "\n| a \\| b | x: \\<y> | moved |\n" in text
