"""docs/guests.md is what a run of the matrix has made, and its table names cells that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from guests.cell import CELLS
from guests.groups import groups
from guests.page import page
from guests.test_guests import MODULES

PAGE = Path(__file__).parents[2] / "docs" / "guests.md"


def test_every_cell_is_in_the_page() -> None:
    text = PAGE.read_text()
    assert MODULES
    assert [cell.name for cell in CELLS if f"\n| {cell.name} |" not in text] == []


def test_every_group_is_in_the_page_and_its_cells_exist() -> None:
    text = PAGE.read_text()
    known = {cell.id for cell in CELLS}
    names = [group.name for group in groups()]
    assert len(set(names)) == len(names) == 43
    for group in groups():
        assert f"\n| {group.name} | {group.standing} | " in text
        assert set(group.cells) <= known, group.name
        assert group.standing != "here" or group.cells, group.name


def test_the_page_of_a_run() -> None:
    gaps = {"took": 2.0, "pause": 0.25, "tcp": 0.5, "ping": 0.125}
    moved = {"said": "ready", "there": gaps, "back": gaps, "restarted": True}
    rows: list[dict[str, Any]] = [
        {"id": "virtio_blk", "wrong": "it was wrong before"},
        {"id": "virtio_blk", **moved},
        {"id": "ide", "said": "source: a | b", "there": None, "back": None},
        {"id": "luks", "wrong": "LabError: it\nis silent"},
        {"id": "reboots", "said": "it comes up"},
    ]
    text = page(rows, "9.0.0", "7.2.22")
    end = "| ready | 0.25, 0.25 | 0.50, 0.50 | 0.12, 0.12 | there, back, next start |\n"
    assert f"| virtio-blk, raw, shared {end}" in text
    assert "| IDE, raw, shared | source: a \\| b | | | | libvirt refuses it as well |\n" in text
    assert "| **wrong**: LabError: it is silent |\n" in text
    assert "| it reboots while it moves | it comes up |\n" in text
    assert "| virtio, one | | | | | not run |\n" in text
    assert "(not right in this run: plain)" in text
