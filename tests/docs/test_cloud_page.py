"""docs/cloud.md: what a run in a whole OpenStack has shown, and how it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloud.page import BEGIN, END, ordered, restarts, tables
from cloud.table import SHORT

PAGE = Path(__file__).parents[2] / "docs" / "cloud.md"
ROW: dict[str, Any] = {
    "side": "drop-in, Nova 34.0.0, threading",
    "scenario": "abort",
    "step": "create",
    "seconds": 9.1,
    "status": "ACTIVE",
    "host": "host1",
    "database": "host1, active",
    "migration": None,
    "guest": "running at host1",
    "problems": [],
}


def test_a_step_is_a_line_and_what_was_wrong_is_told() -> None:
    wrong = ROW | {"step": "abort", "status": "ERROR", "migration": "error", "problems": ["a", "b|c"]}
    stock = ROW | {"side": "stock, Nova 34.0.0, threading"}
    made = tables([ROW, wrong, stock]).splitlines()
    assert [line for line in made if line.startswith("###")] == [f"### {ROW['side']}", f"### {stock['side']}"]
    assert "| abort | create | 9.1 | ACTIVE | host1 | host1, active |  | running at host1 | yes |" in made
    # Its scenario is above.
    assert (
        "|  | abort | 9.1 | ERROR | host1 | host1, active | error | running at host1 | **no**: a; b\\|c |"
        in made
    )


def test_the_last_record_of_a_scenario_counts_and_drop_ins_come_first() -> None:
    stock = ROW | {"side": "stock, Nova 34.0.0, threading"}
    again = ROW | {"step": "again"}
    own = ROW | {"scenario": "own disks"}
    assert ordered([[stock, ROW, ROW], [again], [own]]) == [own, again, stock]


def test_with_the_drop_in_every_step_of_the_short_form_was_right() -> None:
    told = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    sides = dict(part.split("\n", 1) for part in told.split("### ")[1:])
    complete = []
    for side, text in sides.items():
        scenario, seen = "", set()
        for line in [line for line in text.splitlines() if line.startswith("| ")][1:]:
            scenario = line.split(" | ")[0].strip("| ") or scenario
            if scenario in SHORT and side.startswith("drop-in"):
                seen.add(scenario)
                assert line.endswith("| yes |"), line
        complete += [side] if seen >= set(SHORT) else []
    assert complete


def test_restarts_are_told_side_by_side() -> None:
    stock = "stock, Nova 34.0.0, threading"
    row = ROW | {"scenario": "restart, arrived", "step": "arrived before it", "migration": "completed"}
    twice = row | {"side": stock, "problems": ["a"], "guest": "running at host1, running at host2"}
    other = row | {"scenario": "restart, setup", "step": "killed in setup"}
    made = restarts([ROW, row | {"step": "create"}, row, other, twice]).splitlines()
    assert made[0] == f"| restart | step | {ROW['side']} | {stock} |"
    assert made[2:] == [
        "| arrived | arrived before it | completed, running at host1 "
        "| **not right**: completed, running at host1, running at host2, ACTIVE |",
        "| setup | killed in setup | completed, running at host1 |  |",
    ]
