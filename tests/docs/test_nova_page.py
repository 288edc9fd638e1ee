"""docs/nova.md: its tables of what was run, which scripts/conformance and `make debian-nova` make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distribution import page as distribution_page
from distribution import run as distribution_run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "nova.md").read_text()
#: How many of Nova's own tests may come out differently.
MOST = 6


def rows() -> list[list[str]]:
    """The cells of each row: release, mode, tests, run, differ, the rule's tests, the commit."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in tables()[0].splitlines()[2:]]


def tables() -> list[str]:
    """Of the releases, and of the rule's tests."""
    made = PAGE.split("<!-- made by scripts/conformance -->\n")[1].split("<!-- until here -->")[0]
    return made.strip().split("\n\n")


def test_every_series_that_is_known_was_run() -> None:
    known = re.search(r"It knows Nova (\d+) to (\d+)", PAGE)
    assert known is not None
    series = {int(row[0].split(".")[0]) for row in rows()}
    assert series == set(range(int(known[1]), int(known[2]) + 1))


def test_every_release_since_31_was_run_in_each_mode_that_it_has() -> None:
    """As of November 2026 on PyPI."""
    since = (
        "31.0.0",
        "31.0.1",
        "31.1.0",
        "31.2.0",
        "31.3.0",
        "31.3.1",
        "32.0.0",
        "32.1.0",
        "32.2.0",
        "32.2.1",
    )
    both = ("33.0.0", "33.0.1", "33.0.2", "34.0.0")
    wanted = {(release, "eventlet") for release in since + both} | {
        (release, "threading") for release in both
    }
    assert wanted <= {(row[0], row[1]) for row in rows()}


def test_few_tests_differ_and_none_of_the_rules() -> None:
    for release, _, _, run, differ, rule, at in rows():
        assert int(differ) <= MOST, release
        assert int(run) > 290, release
        assert re.fullmatch(r"(\d+) of \1 pass", rule), release
        assert re.fullmatch(r"[0-9a-f]{7,}", at), release
    of_rule = tables()[1].splitlines()[2:]
    assert len(of_rule) == int(rows()[0][5].split()[0])
    for line in of_rule:
        assert set(line.strip("| ").replace(" ", "").split("|")[1:]) == {"pass"}, line


def test_the_releases_that_the_drop_in_starts_with_are_these() -> None:
    source = (ROOT / "python" / "libvirt_migrate" / "nova" / "release.py").read_text()
    span = re.search(r"range\((\d+), (\d+)\)", source)
    assert span is not None
    assert f"It knows Nova {span[1]} to {int(span[2]) - 1} " in PAGE


def tried(release: str) -> dict[str, str]:
    """What the page says of each step with a Debian release's own packages."""
    made = PAGE.split(distribution_page.BEGIN)[1].split(distribution_page.END)[0]
    head, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in made.splitlines())
    column = head.index(distribution_page.NAMES[release])
    return {line[0]: line[column] for line in lines if line[column]}


@pytest.mark.parametrize("release", distribution_run.RELEASES)
def test_debians_own_packages_were_tried_and_taken_away_again(release: str) -> None:
    steps = tried(release)
    assert not [step for step, text in steps.items() if "**no**" in text or "not run" in text]
    assert "nothing is left behind" in steps["pip uninstall"]
    nova = re.search(r"Nova (\d+)\.", steps["packages"])
    known = re.search(r"It knows Nova (\d+) to (\d+)", PAGE)
    assert nova is not None
    assert known is not None
    if int(known[1]) <= int(nova[1]) <= int(known[2]):
        assert "green" in steps["check, with the line"]
        assert "moves the guests of Nova" in steps["nova-compute, with the line"]
    else:
        assert "supports Nova" in steps["check, as it is"]
        assert "does not start" in steps["nova-compute, with the line"]


def test_the_table_of_steps_tells_what_failed_and_what_is_missing() -> None:
    rows = [
        {"release": "trixie", "name": "packages", "result": "pass", "text": "Nova 31.0.0"},
        {"release": "trixie", "name": "check", "result": "fail", "text": "ends with 1"},
        {"release": "sid", "name": "packages", "result": "not run", "text": "no mirror"},
    ]
    assert distribution_page.table(rows).splitlines() == [
        "| | Debian 13 (trixie) | sid |",
        "| --- | --- | --- |",
        "| packages | Nova 31.0.0 | not run: no mirror |",
        "| check | **no**: ends with 1 |  |",
    ]
