"""The record of a drain, and the page of several guests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from libvirt_migrate.cli.draining.ledger import Ledger, place_of
from libvirt_migrate.cli.errors import UserError
from libvirt_migrate.cli.report.many import page
from libvirt_migrate.cli.report.record import Record

UUIDS = ("4dea22b3-1d52-d8f3-2516-782e98ab3fa0", "4dea22b3-1d52-d8f3-2516-782e98ab3fa1")


def test_who_has_left_is_known_until_they_are_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "record.json"
    book = Ledger.read(path)
    assert book.gone == []
    for number, uuid in enumerate(UUIDS):
        book.add(f"vm {number}", uuid, "qemu+tcp://me:hunter2@host2/system?password=hunter2")
    assert "hunter2" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    again = Ledger.read(path)
    assert [one.name for one in again.gone] == ["vm 0", "vm 1"]
    assert again.gone[0].destination == "qemu+tcp://me@host2/system"
    again.remove(UUIDS[0])
    assert [one.uuid for one in Ledger.read(path).gone] == [UUIDS[1]]
    again.remove(UUIDS[1])
    assert not path.exists()
    assert [*path.parent.iterdir()] == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"guests": [1]}', '{"guests": [{"uuid": "x"}]}', "\ufffd"])
def test_what_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(UserError, match="is no record of a drain"):
        Ledger.read(path)
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        Ledger.read(tmp_path)


def test_a_write_that_fails_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    book = Ledger.read(path)
    book.add("vm", UUIDS[0], "qemu+tcp://host2/system")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        book.add("other", UUIDS[1], "qemu+tcp://host2/system")
    assert [one["name"] for one in json.loads(path.read_text())["guests"]] == ["vm"]
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("user", "more", "folder"),
    [
        (0, {}, "/var/lib/libvirt-migrate"),
        (1000, {"HOME": "/home/me"}, "/home/me/.local/state/libvirt-migrate"),
        (1000, {"XDG_STATE_HOME": "/state"}, "/state/libvirt-migrate"),
        (0, {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
    ],
)
def test_the_record_has_its_place(
    monkeypatch: pytest.MonkeyPatch, user: int, more: dict[str, str], folder: str
) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert place_of(UUIDS[0]) == Path(folder, "drains", f"{UUIDS[0]}.json")


def record(name: str, message: str | None = None) -> Record:
    return Record(
        name=name,
        route="from a to b",
        began="today",
        samples=[],
        decisions=[],
        switchover=None,
        total_time=3.0,
        downtime=0.1,
        moved=1 << 20,
        iterations=2,
        location="source-running" if message else "destination-running",
        result="failed" if message else "moved",
        message=message,
        intent="",
    )


def test_the_page_of_many_has_them_all() -> None:
    text = page(
        "Drain of <b>",
        [record("vm<1>"), record("vm2", "broken & gone")],
        {"vm2": "as said", "vm3": "no room"},
        9.0,
    )
    assert "<h1>Drain of &lt;b&gt;</h1>" in text
    assert "1 of 3 guests moved in 9.0 s." in text
    assert text.count("<svg") == 4
    assert '<a href="#1">vm&lt;1&gt;</a>' in text
    assert ">as said</td>" in text
    assert ">no room</td>" in text
    assert "vm<1>" not in text.replace("<title>The migration of vm&lt;1&gt;</title>", "")
