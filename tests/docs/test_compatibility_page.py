"""The page of the matrix of releases has every cell, and the run never takes for passed what was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate.lab import LabError, bootstrap, releases
from releases import cells, run, upgrade, wheel
from releases.cells import Cell, Row, cells_of, is_back, pairs, run_pair
from releases.nova import NotRun
from releases.page import LACKING, page

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"


def test_every_cell_is_on_the_page() -> None:
    text = PAGE.read_text()
    for name in releases.KNOWN:
        assert f"| {name} | " in text
    heads = [line.split(" | ") for line in text.splitlines() if line.startswith(("| way | ", "| feature | "))]
    shown = [[part.strip(" |") for part in head[1:]] for head in heads]
    up, back = ([f"{a} → {b}" for a, b in pairs() if is_back((a, b)) is back] for back in (False, True))
    assert shown == [up, back, up, back]
    assert f"\n- {' → '.join(releases.KNOWN)}: " in text
    for pair in pairs():
        for cell in cells_of(pair, never):
            assert f"\n| {cell.name} | " in text or cell.name == LACKING


def never(*_: Any) -> str:
    """In place of the command on a host."""
    raise AssertionError


def test_pairs_are_all_and_first_what_libvirt_supports() -> None:
    assert pairs(("a", "b", "c")) == [
        *[("a", "a"), ("a", "b"), ("a", "c"), ("b", "b"), ("b", "c"), ("c", "c")],
        *[("b", "a"), ("c", "a"), ("c", "b")],
    ]


def test_the_machine_type_is_tried_where_it_can_be_missing() -> None:
    for pair in pairs():
        names = [cell.name for cell in cells_of(pair, never)]
        assert len(names) == len(set(names))
        assert (LACKING in names) == is_back(pair)
        assert {"plain", "post-copy", "parallel", "copied storage", "TLS", "aborted"} <= set(names)


OLD, NEW = ("bookworm", "bookworm"), ("trixie", "trixie")
UP, BACK = ("bookworm", "trixie"), ("trixie", "bookworm")
ROWS: list[dict[str, Any]] = [
    Row("release", *OLD, "release", "pass", "libvirt 9.0.0, QEMU 7.2, Python 3.11.2").to_dict(),
    Row("release", *NEW, "release", "not run", "no network").to_dict(),
    Row("wheel", *OLD, "wheel", "pass", "x.whl").to_dict(),
    Row("wheel", *OLD, "tests", "pass", "12 passed, 3 skipped in 1.00s").to_dict(),
    Row("wheel", *NEW, "wheel", "not run", "trixie is not on this machine").to_dict(),
    Row("way", *OLD, "plain", "pass", "pc-q35-7.2").to_dict(),
    Row("way", *UP, "plain", "not run", "trixie is not on this machine").to_dict(),
    Row("way", *OLD, "TLS", "fail", "AssertionError: 3 pages are wrong").to_dict(),
    Row("way", *BACK, "newer machine type", "pass", "the destination has no …").to_dict(),
    Row("upgrade", *UP, "bookworm → trixie", "pass", "pc-q35-7.2").to_dict(),
    Row("nova", *OLD, "Nova 34", "pass").to_dict(),
    Row("nova", *UP, "Nova 31", "pass").to_dict(),
    Row("feature", *OLD, "zlib level", "pass", "refused: zlib: needs libvirt 9.4.0").to_dict(),
]


def test_what_was_seen_is_told() -> None:
    text = page(ROWS, "8.0.0")
    for line in (
        "| bookworm | 9.0.0 | 7.2 | 3.11.2 | works | 12 passed |",
        "| trixie | not run | not run | not run | not run | not run |",
        "| plain | yes, pc-q35-7.2 | not run |",
        # A cell that has no row was not run either.
        "| TLS | **no** | not run |",
        "| zlib level | refused |",
        "| Nova 34 | yes |  |",
        "- bookworm → trixie: yes, pc-q35-7.2",
        "- `zlib: needs libvirt 9.4.0`",
        "- trixie → bookworm: the destination has no …",
        "- bookworm → bookworm, TLS: **no**: AssertionError: 3 pages are wrong",
        "- bookworm → trixie, plain: not run: trixie is not on this machine",
        "- trixie, release: not run: no network",
    ):
        assert line in text.splitlines(), line
    assert "newer than 8.0.0" in text
    assert "What did not pass" not in page([row for row in ROWS if row["result"] == "pass"], "8.0.0")


class FakeLab:
    """Counts the labs that are made; the hosts are their names."""

    made = 0

    def __init__(self, name: str, *, tls: bool, releases: tuple[str, str]) -> None:
        self.hosts = [f"{releases[0]}-1", f"{releases[1]}-2"]

    def __enter__(self) -> FakeLab:
        FakeLab.made += 1
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def fake_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeLab.made = 0
    monkeypatch.setattr(cells, "Lab", FakeLab)


def cell(name: str, error: Exception | None = None) -> Cell:
    def attempt(lab: Any, source: Any, destination: Any) -> str:
        if error is not None:
            raise error
        return f"{source} {destination}"

    return Cell("way", name, attempt)


@pytest.mark.usefixtures("fake_lab")
def test_a_failure_is_told_and_the_next_cell_gets_fresh_hosts() -> None:
    rows: list[Row] = []
    failing = cell("two", AssertionError("3 pages\nare wrong"))
    run_pair("x", ("bookworm", "trixie"), [cell("one"), failing, cell("three")], rows.append)
    assert [(row.name, row.result, row.text) for row in rows] == [
        ("one", "pass", "bookworm-1 trixie-2"),
        ("two", "fail", "AssertionError: 3 pages are wrong"),
        ("three", "pass", "bookworm-1 trixie-2"),
    ]
    assert FakeLab.made == 2


@pytest.mark.usefixtures("fake_lab")
def test_what_cannot_be_tried_has_not_passed() -> None:
    rows: list[Row] = []
    run_pair("x", ("bookworm", "trixie"), [cell("one", NotRun("without Nova")), cell("two")], rows.append)
    assert [(row.result, row.text) for row in rows] == [
        ("not run", "without Nova"),
        ("pass", "bookworm-1 trixie-2"),
    ]


def test_an_upgrade_without_hosts_has_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise LabError("b is not on this machine")

    monkeypatch.setattr(upgrade, "Lab", broken)
    rows: list[Row] = []
    upgrade.run_upgrade("x", ("a", "b", "c"), rows.append)
    assert [(row.source, row.destination, row.name, row.result) for row in rows] == [
        ("a", "c", "a → b → c", "not run")
    ]


def test_without_hosts_nothing_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise LabError("trixie is not on this machine")

    monkeypatch.setattr(cells, "Lab", broken)
    rows: list[Row] = []
    run_pair("x", ("bookworm", "trixie"), [cell("one"), cell("two")], rows.append)
    assert [(row.name, row.result) for row in rows] == [
        ("one", "not run"),
        ("two", "not run"),
    ]
    assert {row.text for row in rows} == {"trixie is not on this machine"}


def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> tuple[int, list[dict[str, Any]]]:
    """A run without real hosts: its exit code and what it recorded."""
    monkeypatch.setattr(run, "run_pair", lambda _, *rest: _pass(*rest))
    monkeypatch.setattr(run, "run_upgrade", lambda _, names, tell: _upgraded(names, tell))
    path = tmp_path / "target" / "record.jsonl"
    code = run.main(str(path), *names)
    return code, [json.loads(line) for line in path.read_text().splitlines()]


def _pass(names: tuple[str, str], those: list[Cell], tell: Any) -> None:
    for each in those:
        tell(Row(each.kind, *names, each.name, "pass"))


def _upgraded(names: tuple[str, ...], tell: Any) -> None:
    tell(Row("upgrade", names[0], names[-1], "a → b", "pass"))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> releases.Release:
    """All releases are here."""
    release = releases.Release("any", 1.0, "9.0.0", "7.2", "3.11.2", ())
    monkeypatch.setattr(bootstrap, "get", lambda name: release)
    monkeypatch.setattr(releases, "find", lambda name: release)
    monkeypatch.setattr(wheel, "build", lambda: Path("x.whl"))
    monkeypatch.setattr(wheel, "install", lambda *_: "x.whl")
    monkeypatch.setattr(wheel, "run_tests", lambda *_: "12 passed")
    return release


@pytest.mark.usefixtures("found")
def test_a_run_that_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = results(tmp_path, monkeypatch)
    assert code == 0
    assert len(rows) == run.total(releases.KNOWN)
    out = capsys.readouterr().out
    assert f"[{len(rows)}/{len(rows)}]" in out
    assert f"{len(rows)} pass, 0 fail, 0 not run" in out
    assert page(rows, "8.0.0").count("not run") == 0


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    ("what", "error", "code", "told"),
    [
        ((bootstrap, "get"), LabError("no room"), 2, {"not run"}),
        ((wheel, "build"), wheel.Failed("no cargo"), 2, {"not run"}),
        ((wheel, "install"), wheel.Failed("no module"), 1, {"fail"}),
        ((wheel, "run_tests"), wheel.Failed("1 failed"), 1, {"fail"}),
    ],
)
def test_a_run_that_is_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: tuple[Any, str],
    error: Exception,
    code: int,
    told: set[str],
) -> None:
    def raising(*_: Any) -> None:
        raise error

    monkeypatch.setattr(*what, raising)
    ended, rows = results(tmp_path, monkeypatch, "bookworm")
    assert ended == code
    texts = {row["result"] for row in rows if str(error) in row["text"]}
    assert texts == told
