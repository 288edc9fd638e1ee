"""The tape of a migration: what was heard and ordered, where the environment names a folder for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from libvirt_migrate import Guest, MigrationFailed

libvirt = pytest.importorskip("libvirt")


def test_it_has_what_was_heard_and_ordered_and_no_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBVIRT_MIGRATE_TAPES", str(tmp_path))
    libvirt.registerErrorHandler(lambda *_: None, None)
    connection = libvirt.open("test:///default")
    guest = Guest(connection.lookupByName("test"))
    with pytest.raises(MigrationFailed) as caught:
        guest.migrate({"destination_xml": guest.xml()}, destination="test:///elsewhere")
    (tape,) = tmp_path.glob("*.tape")
    lines = [line.split(maxsplit=2)[1:] for line in tape.read_text().splitlines()]
    assert ["out", "Call"] in lines
    call, failed = ["out", "Call"], ["in", f"call error {caught.value.code}"]
    assert lines.index(call) < lines.index(failed) < lines.index(["out", "Ask"])
    assert "test" not in tape.read_text()


def test_a_folder_that_is_not_there_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBVIRT_MIGRATE_TAPES", str(tmp_path / "gone"))
    libvirt.registerErrorHandler(lambda *_: None, None)
    connection = libvirt.open("test:///default")
    with pytest.raises(MigrationFailed) as caught:
        Guest(connection.lookupByName("test")).migrate({}, destination="test:///elsewhere")
    assert caught.value.guest_location == "source-running"
