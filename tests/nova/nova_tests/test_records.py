"""The records of scripts/conformance: what is run again, and the table of docs/nova.md from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conformance import records, table


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records and a page of their own."""
    monkeypatch.setattr(records, "FOLDER", tmp_path / "records")
    monkeypatch.setattr(table, "PAGE", tmp_path / "page.md")
    table.PAGE.write_text(f"before\n{table.BEGIN}old\n{table.END}after\n{table.END}")


def keep(release: str, mode: str = "eventlet", scope: str = "whole", of: str = "now", **more: Any) -> None:
    """Keeps a record in which nothing was wrong."""
    record = {
        "release": release,
        "mode": mode,
        "scope": scope,
        "sources": of,
        "problems": [],
        "at": "abcd1234",
    }
    counts = {
        "run": 2409 if scope == "whole" else 340,
        "differ": 6,
        "rule": {"test_a": "pass", "test_b": "pass"},
    }
    records.keep(record | counts | more)


@pytest.mark.parametrize(
    ("of", "problems", "done"), [("now", [], True), ("before", [], False), ("now", ["one differs"], False)]
)
def test_what_went_well_with_the_same_sources_is_done(of: str, problems: list[str], done: bool) -> None:
    keep("34.0.0", of=of, problems=problems)
    assert records.is_done(records.find("34.0.0", "eventlet", "whole"), "now") is done


def test_another_mode_or_scope_is_not_done() -> None:
    keep("34.0.0")
    assert not records.is_done(records.find("34.0.0", "threading", "whole"), "now")
    assert not records.is_done(records.find("34.0.0", "eventlet", "quick"), "now")


def test_the_sources_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "SOURCES", ("python", "Cargo.lock"))
    (tmp_path / "python").mkdir()
    (tmp_path / "Cargo.lock").write_text("a")
    file = tmp_path / "python" / "a.py"
    seen = set()
    for text in ("x", "y"):
        file.write_text(text)
        seen.add(records.sources())
        (tmp_path / "python" / "a.pyc").write_text(text)
        seen.add(records.sources())
    file.rename(tmp_path / "python" / "b.py")
    seen.add(records.sources())
    assert len(seen) == 3


def test_the_table_has_the_newest_sources_and_then_whole_runs() -> None:
    keep("9.0.0")
    keep("34.0.0", "threading", "quick")
    keep("34.0.0", "threading", "whole")
    keep("34.0.0", "eventlet", "quick")
    keep("34.0.0", "eventlet", "whole", of="before")
    assert table.write_table("now") == []
    begin = "| Nova | mode | tests | run | differ | the rule's tests | at |\n| --- |"
    end = "2 of 2 pass | abcd1234 |\n"
    page = table.PAGE.read_text()
    assert page.startswith(f"before\n{table.BEGIN}{begin}")
    assert page.endswith(f"{table.END}after\n{table.END}")
    assert page.split("--- |\n")[1].startswith(
        f"| 34.0.0 | eventlet | migration path | 340 | 6 | {end}"
        f"| 34.0.0 | threading | all of `virt/libvirt` | 2409 | 6 | {end}"
        f"| 9.0.0 | eventlet | all of `virt/libvirt` | 2409 | 6 | {end}"
    )


def test_the_table_says_what_is_not_of_these_sources_and_what_was_wrong() -> None:
    assert table.write_table("now") == ["nothing is kept, so the table stays as it is"]
    assert "old" in table.PAGE.read_text()
    keep("33.0.2", of="before")
    keep("34.0.0", problems=["one differs"])
    assert table.write_table("now") == [
        "33.0.2 eventlet was run with other sources",
        "34.0.0 eventlet: one differs",
    ]


def test_the_rules_tests_are_told_by_name_and_series() -> None:
    keep("34.0.0", rule={"test_a": "pass", "test_b": "pass"})
    keep("33.0.2", rule={"test_a": "pass", "test_b": "pass"})
    keep("33.0.0", rule={"test_a": "pass", "test_b": "fail"})
    keep("33.0.0", "threading", rule={"test_a": "pass"})
    table.write_table("now")
    assert (
        "| the rule's test | 34 | 33 |\n| --- | --- | --- |\n| `test_a` | pass | pass |\n"
        "| `test_b` | pass | 33.0.0 eventlet: fail; 33.0.0 threading: missing |\n"
    ) in table.PAGE.read_text()
    assert "| 33.0.0 | eventlet | all of `virt/libvirt` | 2409 | 6 | 1 of 2 pass |" in table.PAGE.read_text()
