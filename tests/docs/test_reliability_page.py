"""The page of the fault matrix has every case, and only those."""

from __future__ import annotations

from pathlib import Path

from faults import test_faults
from faults.case import CASES
from faults.page import page

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def test_every_case_is_on_the_page() -> None:
    assert test_faults.MODULES
    # What comes after it has tables of other runs.
    matrix = PAGE.read_text().partition("\n## Random migrations\n")[0]
    lines = [line for line in matrix.splitlines() if line.startswith("| ")]
    told = {line.split(" | ")[0][2:] for line in lines} - {"Fault", "---"}
    assert told == {case.fault for case in CASES}


def test_a_row_tells_the_end_the_place_and_what_to_do() -> None:
    ends = [
        {
            "what": "migrate",
            "text": "it broke (the guest is here)",
            "place": "here",
            "after": 0.2,
            "acts": [],
        },
        {"what": "recover", "text": "done", "place": "there", "after": 7.4, "acts": ["release", "release"]},
    ]
    row = {"phase": "setup", "fault": "a | cut", "todo": "Wait.", "ends": ends, "lock": 1.25}
    text = page([row], "9.0.0")
    assert "| a | cut | it broke; then recover: done (release) | there | 7 s | Wait. |" in text
    assert "libvirt 9.0.0" in text
    assert "1.2 s" in text
