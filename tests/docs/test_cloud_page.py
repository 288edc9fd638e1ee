"""docs/cloud.md: what a run in a whole OpenStack has shown, and how it is told."""

from __future__ import annotations

from typing import Any

from cloud.page import tables

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
