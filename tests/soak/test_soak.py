"""What a soak draws and refuses, without a lab; `make soak` runs one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import run
from .history import DRAIN, FAULTS, OF_COMMANDS, OF_DISKS, VERSION, WAYS, OtherVersion, Seed, drawn
from .kinds import KINDS


def test_a_round_is_drawn_from_its_seed_and_number_alone() -> None:
    rounds = [drawn(Seed(7), number) for number in range(400)]
    assert rounds == [drawn(Seed(7), number) for number in range(400)]
    assert rounds[3] != drawn(Seed(8), 3)
    assert {move.way for each in rounds for move in each.moves} == {*WAYS, DRAIN}
    drawn_faults = {fault.what for each in rounds for fault in each.faults}
    assert drawn_faults == {*FAULTS, *OF_DISKS, *OF_COMMANDS}
    assert {Seed(number).hosts for number in range(20)} == {2, 3, 4}
    for each in rounds:
        guests = [move.guest for move in each.moves]
        assert 1 <= len(guests) == len(set(guests)) <= len(KINDS)
        assert len(each.faults) <= 2
        assert 1 <= each.hop < Seed(7).hosts
        assert not each.drains or {move.way for move in each.moves} == {DRAIN}


def test_a_seed_of_an_older_version_is_said() -> None:
    seed = Seed.parse("12")
    assert Seed.parse(str(seed)) == seed == Seed(12)
    with pytest.raises(OtherVersion, match=f"is of version {VERSION + 1} .* this is version {VERSION}"):
        Seed.parse(f"{VERSION + 1}-12")
    with pytest.raises(ValueError, match="is no seed"):
        Seed.parse("twelve")


@pytest.mark.parametrize(
    ("what", "said"),
    [("root", "as root"), ("packages", "not installed: nft"), ("room", "MiB of memory are free")],
)
def test_what_is_missing_is_said_before_anything_is_started(
    what: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: int(what == "root"))
    monkeypatch.setattr(run, "find", lambda tool: None if what == "packages" and tool == "nft" else tool)
    monkeypatch.setattr(run, "ROOM", {"memory": 1 << 40 if what == "room" else 0, "disk": 0})
    assert run.main("1", "1", str(tmp_path / "record.jsonl")) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
