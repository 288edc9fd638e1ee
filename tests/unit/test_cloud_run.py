"""How scenarios of tests/cloud follow one another, and what a run clears up."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloud import places, run
from cloud.settings import Sections
from cloud.stage import Record, Side, Stage, Unfinished
from cloud.table import ALL, BESIDE, SEAMS, SHORT, Scenario
from libvirt_migrate.lab import state

SIDE = Side("34.0.0")
FAST: Sections = {"libvirt": {"bandwidth": 0}}
SLOW: Sections = {"libvirt": {"bandwidth": 20}}


class FakeCloud:
    """Notes what is done with it."""

    def __init__(self, told: list[str]) -> None:
        self.told = told
        self.computes = {"host1": self}
        self.options: Any = None

    def up(self, *, options: Any, **_: object) -> None:
        self.told.append(f"up {options['libvirt']['bandwidth']}")

    def down(self) -> None:
        self.told.append("down")

    def configure(self, _driver: str, options: Any) -> None:
        self.told.append(f"restart {options['libvirt']['bandwidth']}")

    def kill(self) -> None:
        pass

    def start(self, *, eventlet: bool | None) -> None:
        pass

    def wait_for_computes(self) -> None:
        pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(run, "Cloud", lambda name, **_: FakeCloud(found))
    return found


def play(told: list[str], record: Path, **scenarios: Scenario) -> Record:
    made = Record(record)
    run.play(SIDE, scenarios, made, "any")
    return made


def says(told: list[str], word: str, error: Exception | None = None) -> Any:
    def played(_stage: Stage) -> None:
        told.append(word)
        if error:
            raise error

    return played


def test_settings_are_changed_where_a_scenario_has_others(told: list[str], tmp_path: Path) -> None:
    plays = [
        Scenario(says(told, name), options)
        for name, options in (("a", SLOW), ("b", SLOW), ("c", FAST), ("d", SLOW))
    ]
    play(told, tmp_path / "record", a=plays[0], b=plays[1], c=plays[2], d=plays[3])
    assert told == ["up 20", "a", "b", "restart 0", "c", "restart 20", "d", "down"]


def test_a_new_cloud_after_a_scenario_that_came_to_no_end(told: list[str], tmp_path: Path) -> None:
    record = play(
        told,
        tmp_path / "record",
        a=Scenario(says(told, "a", Unfinished("told")), SLOW),
        b=Scenario(says(told, "b", ValueError("untold")), FAST),
    )
    assert told == ["up 20", "a", "down", "up 0", "b", "down"]
    # What is unfinished is in the record by then; every other end is put there.
    assert record.failed == 1
    (row,) = [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    assert (row["scenario"], row["step"]) == ("b", "the end")
    assert row["problems"] == ["ValueError: untold"]


def test_a_cloud_that_does_not_come_up_is_no_step(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(FakeCloud, "up", refuse)
    with pytest.raises(ValueError, match="no"):
        play(told, tmp_path / "record", a=Scenario(says(told, "a"), SLOW))
    assert "a" not in told


def test_every_side_plays_scenarios_that_there_are() -> None:
    for scenarios in (SHORT, BESIDE, SEAMS, *run.PLAN.values()):
        assert scenarios.items() <= ALL.items()
        assert SHORT.items() <= scenarios.items()
    assert run.PLAN[SIDE] == ALL


def test_a_run_removes_what_dead_ones_have_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "CLOUD", tmp_path)
    alive = {"run-2": True, "run-3": False}
    labs = {name: SimpleNamespace(is_alive=lambda lives=lives: lives) for name, lives in alive.items()}
    monkeypatch.setattr(state, "read", labs.get)
    for name in ("run-1", "run-2", "run-3", "mine"):
        (tmp_path / "clouds" / name / "log").mkdir(parents=True)
    run._sweep()
    assert sorted(path.name for path in (tmp_path / "clouds").iterdir()) == ["mine", "run-2"]


def test_a_run_that_takes_too_long_ends_with_its_cloud(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "CLOUD", tmp_path)
    scenarios = {"slow": Scenario(lambda _stage: time.sleep(60), SLOW)}
    monkeypatch.setattr(run, "ALL", scenarios)
    monkeypatch.setattr(sys, "argv", ["run", str(tmp_path / "record"), "--only", "slow", "--limit", "1"])
    monkeypatch.setattr(run, "PLAN", {SIDE: scenarios})
    began = time.monotonic()
    assert run.main() == 1
    assert time.monotonic() - began < 30
    assert told == ["up 20", "down"]
    assert "error: not over after 1 s" in capsys.readouterr().out
