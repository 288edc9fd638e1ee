"""The fault matrix. `make faults` runs all of it; what is marked quick runs with the other tests."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from . import callers, exclusive, in_postcopy, in_precopy, in_setup, in_switchover, persistence
from .case import CASES, PHASES, Case
from .scene import stage

MODULES = (in_setup, in_precopy, in_switchover, exclusive, in_postcopy, callers, persistence)


def parameters() -> list[Any]:
    """The cases in the order of the phases; all but the quick ones are marked."""
    ordered = sorted(CASES, key=lambda case: PHASES.index(case.phase))
    marks = {True: (), False: (pytest.mark.matrix,)}
    return [pytest.param(case, id=case.name, marks=marks[case.quick]) for case in ordered]


def squeezed(tape: str) -> str:
    """The tape without what was heard, or ordered, twice in a row."""
    kept: list[str] = []
    last: dict[str, str] = {}
    for line in tape.splitlines():
        _, way, words = line.split(maxsplit=2)
        if last.get(way) != words:
            last[way] = words
            kept.append(line + "\n")
    return "".join(kept)


@pytest.mark.lab
@pytest.mark.timeout(240)
@pytest.mark.parametrize("case", parameters())
def test_fault(
    case: Case, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("the lab makes network namespaces, which takes root")
    monkeypatch.setenv("LIBVIRT_MIGRATE_TAPES", str(tmp_path))
    start = time.monotonic()
    options: dict[str, Any] = case.options or {}
    with stage(**options) as scene:
        case.run(scene)
        notes = scene.notes
    tapes = request.config.getoption("--faults-tapes")
    if tapes is not None:
        Path(tapes).mkdir(parents=True, exist_ok=True)
        for number, tape in enumerate(sorted(tmp_path.glob("*.tape"))):
            (Path(tapes) / f"{case.name}.{number}.tape").write_text(squeezed(tape.read_text()))
    path = request.config.getoption("--faults-record")
    if path is not None:
        row = {"phase": case.phase, "fault": case.fault, "name": case.name, "todo": case.todo}
        with Path(path).open("a") as file:
            file.write(json.dumps({**row, "seconds": time.monotonic() - start, **notes}) + "\n")


def test_the_matrix_is_whole() -> None:
    """Every fault of the list is in every phase where it can happen, and names are their own."""
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert {case.phase for case in CASES} == set(PHASES)
    for phase in ("setup", "pre-copy", "switchover", "post-copy"):
        there = {case.fault for case in CASES if case.phase == phase}
        killed = {
            f"{side} {what} killed" for side in ("source's", "destination's") for what in ("QEMU", "daemon")
        }
        assert killed <= there, phase
