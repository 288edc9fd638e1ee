"""What is too long for a terminal is broken between words, and never inside a figure."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libvirt_migrate.cli.terminal.wrapping import wrapped

DECISION = (
    "   4.3 s  allow a pause of 450 ms: waiting with a limit of 300 ms does not end it; a pass "
    "leaves 16.0 MiB, a pause of 2.1 s at 7.6 MiB/s, which is too long for the 500 ms that are allowed, "
    "after 1 min 15 s or 2 h 05 min"
)
FIGURE = re.compile(r"\d\n *(?:ms|s|min|h|[KMG]iB(?:/s)?)\b|(?:\d h|\d min)\n *\d")


@pytest.mark.parametrize("width", range(20, 220))
def test_no_figure_is_broken(width: int) -> None:
    text = wrapped(DECISION, width)
    assert FIGURE.search(text) is None, text
    assert all(len(line) <= width for line in text.splitlines())
    assert text.split() == DECISION.split()


def test_what_follows_is_set_under_the_first_word() -> None:
    first, *rest = wrapped(DECISION, 80).splitlines()
    assert first.startswith("   4.3 s  allow a pause of 450 ms")
    assert all(line.startswith(" " * 10) and line[10] != " " for line in rest)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ")))
def test_nothing_is_lost(text: str) -> None:
    assert wrapped(text, 20).split() == text.split()


def test_what_fits_is_left_alone() -> None:
    assert wrapped("  two  spaces 3 s", 80) == "  two  spaces 3 s"
