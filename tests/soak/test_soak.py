"""What a soak draws and refuses, without a lab; `make soak` runs one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import run
from .history import FAULTS, VERSION, WAYS, OtherVersion, Seed, drawn


def test_a_round_is_drawn_from_its_seed_and_number_alone() -> None:
    rounds = [drawn(Seed(7), number, 3) for number in range(400)]
    assert rounds == [drawn(Seed(7), number, 3) for number in range(400)]
    assert rounds[3] != drawn(Seed(8), 3, 3)
    assert {move.way for each in rounds for move in each.moves} == set(WAYS)
    assert {fault.what for each in rounds for fault in each.faults} == set(FAULTS)
    for each in rounds:
        guests = [move.guest for move in each.moves]
        assert 1 <= len(guests) == len(set(guests)) <= 3
        assert len(each.faults) <= 2


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
