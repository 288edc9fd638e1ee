"""What is printed fits its terminal, in colours where they are wanted and in none elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import StartGuest
from helpers.commands import LISTEN, command
from helpers.screens import Terminal, terminal
from libvirt_migrate.cli.leaflet import LEAFLETS, coloured
from libvirt_migrate.lab import Host, Workload

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*[1-9][0-9;]*m")
WIDTHS = [60, 80, 200]


def shown(*words: str, columns: int, **more: str) -> Terminal:
    """What a command prints on a terminal of this width."""
    with terminal(*words, columns=columns, **more) as made:
        assert made.end() == 0, made.lines
    return made


def lines(made: Terminal) -> list[str]:
    """As they were printed: the screen has no more than it is wide."""
    return ESCAPE.sub("", made.raw.decode()).replace("\r", "").split("\n")


def letters(text: str) -> str:
    """Without blanks, and without figures: how much memory is free is not the same twice."""
    return re.sub(r"[\s\d.]", "", text)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("name", ["", "migrate"])
def test_help_fits(name: str, columns: int) -> None:
    made = shown(*filter(None, [name]), "--help", columns=columns)
    # An example is one line, to be copied as it stands, and options that exclude each other are not parted.
    whole = re.compile(r"^  libvirt-migrate | \| --")
    assert [line for line in lines(made) if len(line) > columns and not whole.search(line)] == []
    assert COLOUR.search(made.raw.decode())


def test_help_without_colours() -> None:
    made = shown("migrate", "--help", columns=80, NO_COLOR="1")
    assert "\x1b" not in made.raw.decode()
    assert made.raw.decode().replace("\r", "") == command("migrate", "--help").stdout


def test_colours_change_no_word() -> None:
    files = sorted(Path(LEAFLETS).iterdir())
    assert len(files) > 10
    for file in files:
        text = file.read_text()
        assert "\x1b" not in text
        assert ESCAPE.sub("", coloured(text)) == text


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_plan_and_a_status_fit(
    start_guest: StartGuest, source: Host, destination: Host, columns: int
) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    plan = ("plan", guest.name, destination.uri, "--from", source.uri, *LISTEN)
    for words in (plan, ("status", "--from", source.uri)):
        made = shown(*words, columns=columns, **({"NO_COLOR": "1"} if columns == 80 else {}))
        assert [line for line in lines(made) if len(line) > columns] == []
        if columns == 80:
            assert not COLOUR.search(made.raw.decode())
        piped = command(*words).stdout
        assert "\x1b" not in piped
        # The same words, with other ends of lines, after what is said while both hosts are asked.
        assert letters("\n".join(lines(made))).endswith(letters(piped))
