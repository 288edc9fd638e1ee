"""docs/commands.md, the manual page and what --help shows are what the command's parser says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from libvirt_migrate.cli.parser import build_parser, commands_of

ROOT = Path(__file__).parents[2]
PAGES = runpy.run_path(str(ROOT / "scripts" / "command_pages.py"))
ADVICE = "`make pages` makes it anew"


def test_the_page_is_the_parsers() -> None:
    assert PAGES["PAGE"].read_text() == PAGES["page"](), ADVICE


def test_the_manual_page_is_the_parsers() -> None:
    # Where lines end depends on Python's release.
    assert PAGES["MANUAL"].read_text().split() == PAGES["manual"]().split(), ADVICE


@pytest.mark.parametrize("name", commands_of(build_parser()))
def test_the_manual_page_has_every_command(name: str) -> None:
    assert f"libvirt-migrate {name}" in PAGES["MANUAL"].read_text().replace("\\", "")


def test_help_is_the_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    made = PAGES["leaflets"]()
    assert set(made) == set(PAGES["LEAFLETS"].iterdir()), ADVICE
    for path, text in made.items():
        # How options with a short name are written depends on Python's release, and so do the lines.
        assert path.read_text().split() == text.split(), ADVICE
