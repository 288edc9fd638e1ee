"""The live line: everything that is known, in a terminal of any width."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from libvirt_migrate.cli.terminal.line import draw

MIB = 1 << 20
ALL = ("43 %", "123 MiB left", "29.3 MiB/s", "dirty 28.0 MiB/s", "pause 1.3 s", "44.0 s to go", "slowed 20 %")


def progress(**more: Any) -> Any:
    fields = {
        "phase": "memory",
        "fraction": 0.43,
        "memory_remaining": 123 * MIB,
        "disk_remaining": 7 * MIB,
        "throughput": 29.3 * MIB,
        "dirty_rate": 28.0 * MIB,
        "expected_downtime": 1.3,
        "expected_time_left": 44.0,
        "stuck": False,
        "throttle": 20,
    }
    return SimpleNamespace(**{**fields, **more})


def drawn(name: str, what: Any, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    console.print(draw(name, what, width))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def test_a_wide_terminal_has_one_line() -> None:
    (line,) = drawn("vm1", progress(), 160)
    assert line.startswith("vm1 memory ━")
    assert all(figure in line for figure in ALL)


def test_a_terminal_of_eighty_columns_shows_all_of_it() -> None:
    first, second = drawn("a-guest-with-a-long-name", progress(), 80)
    assert "━" in first
    assert all(figure in f"{first}\n{second}" for figure in ALL)


def test_what_is_not_known_is_left_out() -> None:
    unknown = dict.fromkeys(("throughput", "dirty_rate", "expected_downtime", "expected_time_left"))
    (line,) = drawn("vm1", progress(throttle=0, **unknown), 80)
    assert line.rstrip().endswith("43 % 123 MiB left")


def test_what_does_not_end_by_itself_is_said() -> None:
    (line,) = drawn("vm1", progress(stuck=True, expected_time_left=None), 160)
    assert "does not end by itself" in line
    assert "to go" not in line


def test_before_it_begins_nothing_is_said_of_what_is_left() -> None:
    assert "left" not in drawn("vm1", progress(phase="setup", memory_remaining=0), 160)[0]


def test_disks_are_shown_while_they_are_copied() -> None:
    assert "7.0 MiB left" in drawn("vm1", progress(phase="disks"), 160)[0]


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=40), st.integers(12, 250)
)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = drawn(name, progress(), width)
    assert 1 <= len(lines) <= 2
    assert all(len(line) <= width for line in lines)
