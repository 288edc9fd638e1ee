"""Every situation, for real: `plan`'s word, and what a migration then did. No "ready" may fail.

`-m "situation or not situation"` runs the whole table; what is marked quick runs with the other tests.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate.lab import Lab

from .frame import Stage
from .judge import judge
from .situation import SITUATIONS, Situation
from .table import VERDICTS

_FRAME = ("situation", "frame", "judge", "table", "page", "conftest", "__init__")
#: Every other file here has situations.
MODULES = [
    importlib.import_module(f".{path.stem}", __package__)
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in _FRAME and not path.stem.startswith("test_")
]


def parameters() -> list[Any]:
    marks = {True: (), False: (pytest.mark.situation,)}
    return [pytest.param(one, id=one.id, marks=marks[one.quick]) for one in SITUATIONS]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("situation", parameters())
def test_situation(situation: Situation, lab: Lab, request: pytest.FixtureRequest) -> None:
    stage = Stage(lab, f"plan-{situation.id[:40].replace('_', '-')}")
    try:
        situation.set_up(stage)
        verdict = judge(situation, stage)
    finally:
        stage.close()
    row = {
        "theme": situation.theme,
        "name": situation.name,
        "said": verdict.said,
        "happened": verdict.happened,
        "word": situation.word,
    }
    request.config.stash.setdefault(VERDICTS, []).append(row)
    path = request.config.getoption("--plan-record")
    if path is not None:
        with Path(path).open("a") as file:
            file.write(json.dumps(row) + "\n")


def test_names_are_their_own() -> None:
    for what in (Counter(one.id for one in SITUATIONS), Counter(one.name for one in SITUATIONS)):
        assert [name for name, count in what.items() if count > 1] == []
