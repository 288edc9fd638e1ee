"""The command's modules lie in rooms, know only what is below them, and never each other in a circle."""

from __future__ import annotations

import argparse
import ast
import dataclasses
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from libvirt_migrate.cli.options import KINDS
from libvirt_migrate.cli.parser import build_parser

CLI = Path(__file__).parents[2] / "python" / "libvirt_migrate" / "cli"
#: Of each room the rooms that it may use; what lies in none may be used by all.
ROOMS = {
    "terminal": set(),
    "definition": set(),
    "checks": {"definition", "terminal"},
    "report": {"terminal"},
    "draining": {"checks", "definition", "report", "terminal"},
    "commands": {"checks", "definition", "draining", "report", "terminal"},
}


def modules() -> dict[str, set[str]]:
    """Every module and what it imports of this package, wherever in the file it does."""
    names = {".".join(path.relative_to(CLI).with_suffix("").parts): path for path in CLI.rglob("*.py")}
    return {name: set(_imports(name, path)) & names.keys() for name, path in names.items()}


def _imports(name: str, path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            place = name.split(".")[: -node.level]
            whole = ".".join([*place, *(node.module or "").split(".")]).strip(".")
            # Out of this package, as all with one more dot than there are rooms.
            if node.level <= name.count(".") + 1:
                yield whole
                yield from (f"{whole}.{alias.name}".strip(".") for alias in node.names)


def room(module: str) -> str:
    return module.partition(".")[0] if "." in module else ""


def test_no_module_imports_itself_by_way_of_others() -> None:
    found = modules()
    assert "commands.drain" in found
    assert "terminal.values" in found["report.page"]
    list(TopologicalSorter(found).static_order())


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_a_room_knows_only_what_is_below_it(name: str) -> None:
    own = {module: used for module, used in modules().items() if room(module) == name}
    assert own
    above = {
        (module, other)
        for module, used in own.items()
        for other in used
        if room(other) not in {"", name, *ROOMS[name]}
    }
    assert above == set()


def test_every_room_is_named_here() -> None:
    assert {path.parent.name for path in CLI.glob("*/__init__.py")} == set(ROOMS)


def leaves() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_the_options_of_each_command_are_a_type() -> None:
    """Each one that is parsed has its field with the same value where it is not given."""
    commands = {name: parser for name, parser in leaves() if name != "nova"}
    assert set(commands) == set(KINDS)
    for name, parser in commands.items():
        fields = {field.name: field for field in dataclasses.fields(KINDS[name])}
        given = {action.dest: action for action in parser._actions if action.dest != "help"}
        assert set(given) == set(fields) - {"command"}, name
        for dest, action in given.items():
            default = fields[dest].default
            if default is not dataclasses.MISSING:
                assert action.default == default, (name, dest)
