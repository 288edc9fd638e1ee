"""docs/nova.md: the table of what was run with each release of Nova, which scripts/conformance makes."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "nova.md").read_text()
#: How many of Nova's own tests may come out differently.
MOST = 6


def rows() -> list[list[str]]:
    """The cells of each row: release, mode, tests, run, differ, the rule's tests."""
    made = PAGE.split("<!-- made by scripts/conformance -->")[1].split("<!-- until here -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in made.splitlines()[3:]]


def test_every_series_that_is_known_was_run() -> None:
    known = re.search(r"It knows Nova (\d+) to (\d+)", PAGE)
    assert known is not None
    series = {int(row[0].split(".")[0]) for row in rows()}
    assert series == set(range(int(known[1]), int(known[2]) + 1))
    # The two that hand the monitor an event of their own.
    assert {"32.0.0", "32.1.0"} <= {row[0] for row in rows()}


def test_few_tests_differ_and_none_of_the_rules() -> None:
    for release, _, _, run, differ, rule in rows():
        assert int(differ) <= MOST, release
        assert int(run) > 300, release
        assert re.fullmatch(r"(\d+) of \1 pass", rule), release


def test_the_releases_that_the_drop_in_starts_with_are_these() -> None:
    source = (ROOT / "python" / "libvirt_migrate" / "nova" / "release.py").read_text()
    span = re.search(r"range\((\d+), (\d+)\)", source)
    assert span is not None
    assert f"It knows Nova {span[1]} to {int(span[2]) - 1} " in PAGE
