"""Every cell of the matrix. `-m "guests or not guests"` runs all; what is marked quick always runs."""

from __future__ import annotations

import importlib
import json
import re
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate.lab import Lab, LabError

from .cell import CELLS, Cell
from .frame import Stage
from .judge import judge

_FRAME = ("cell", "frame", "judge", "page", "groups", "tpm", "__init__")
#: Every other file here has cells.
MODULES = [
    importlib.import_module(f".{path.stem}", __package__)
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in _FRAME and not path.stem.startswith("test_")
]


def parameters() -> list[Any]:
    marks = {True: (), False: (pytest.mark.guests,)}
    return [pytest.param(one, id=one.id, marks=marks[one.quick]) for one in CELLS]


def _run(cell: Cell, lab: Lab) -> dict[str, Any]:
    stage = Stage(lab, f"guest-{cell.id[:30].replace('_', '-')}")
    try:
        if cell.tell is not None:
            return {"said": cell.tell(stage)}
        assert cell.set_up is not None
        cell.set_up(stage)
        return asdict(judge(cell, stage))
    finally:
        stage.close()


def _run_until_kept(cell: Cell, lab: Lab) -> dict[str, Any]:
    """Again, where the guest falls silent, which is told; twice at most.

    Those whose memory the emulator has lost do (docs/lab.md); there may be other reasons.
    """
    for lost in range(2):
        try:
            return {**_run(cell, lab), "lost": lost}
        except LabError as error:
            if not re.search("silent or stuck|does not answer", str(error)):
                raise
    return {**_run(cell, lab), "lost": 2}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("cell", parameters())
def test_guest(cell: Cell, lab: Lab, request: pytest.FixtureRequest) -> None:
    start = time.monotonic()
    row: dict[str, Any] = {"theme": cell.theme, "name": cell.name, "id": cell.id}
    try:
        row |= _run_until_kept(cell, lab)
    except BaseException as error:
        row["wrong"] = f"{type(error).__name__}: {error}"
        raise
    finally:
        path = request.config.getoption("--guests-record")
        if path is not None:
            with Path(path).open("a") as file:
                file.write(json.dumps(row | {"took": time.monotonic() - start}) + "\n")


def test_names_are_their_own() -> None:
    for what in (Counter(one.id for one in CELLS), Counter(one.name for one in CELLS)):
        assert [name for name, count in what.items() if count > 1] == []
