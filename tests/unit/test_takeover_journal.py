"""The journal of a live migration of Nova's: what is kept, and what is not used."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate.nova.journal import FOLDER, BadJournal, Journal, Store
from libvirt_migrate.nova.verdict import Phase

UUID = "0b1d3e52-5f5c-4d3b-9d5f-0c7b6a9f0001"
CONTENT = "of-a-volume-and-secret"


def journal(**fields: Any) -> Journal:
    """A journal with everything in it."""
    given: dict[str, Any] = {
        "instance": UUID,
        "migration": 7,
        "nova": "34.0.0",
        "source": "c1",
        "destination": "c2",
        "uri": "qemu+tcp://10.0.0.2/system",
        "block_migration": True,
        "vm_state": "active",
        "migrate_data": {"vtpm_secret_value": CONTENT},
        "source_bdms": {"connection_info": CONTENT},
    }
    return Journal(**given | fields)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def file_of(tmp_path: Path) -> Path:
    return tmp_path / FOLDER / f"{UUID}.json"


def test_what_is_kept_is_read_again(store: Store) -> None:
    assert store.read(UUID, "34.0.0") is None
    assert store.instances() == []
    store.write(journal())
    assert store.read(UUID, "34.0.0") == journal()
    changed = store.change(journal(), phase=Phase.ROLLBACK, status="cancelled", aborted=True)
    assert store.read(UUID, "34.1.0") == changed
    assert store.instances() == [UUID]
    store.remove(UUID)
    store.remove(UUID)
    assert store.read(UUID, "34.0.0") is None
    assert store.instances() == []


def test_only_its_owner_reads_it(store: Store, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store.write(journal())
    finally:
        os.umask(before)
    assert stat.S_IMODE(file_of(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(tmp_path).parent.stat().st_mode) == 0o700


def test_a_write_that_fails_leaves_what_was_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(journal())

    def fails(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="no space"):
        store.write(journal(destination="c3"))
    assert store.read(UUID, "34.0.0") == journal()
    assert [path.name for path in file_of(tmp_path).parent.iterdir()] == [f"{UUID}.json"]


def test_nothing_of_its_content_is_told(store: Store, tmp_path: Path) -> None:
    assert CONTENT not in repr(journal())
    store.write(journal())
    text = file_of(tmp_path).read_text()
    assert CONTENT in text
    for length in range(len(text)):
        file_of(tmp_path).write_text(text[:length])
        with pytest.raises(BadJournal) as raised:
            store.read(UUID, "34.0.0")
        assert CONTENT not in str(raised.value)
        # Tracebacks that are logged show causes.
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda fields: fields | {"format": 2}, "another release of libvirt-migrate"),
        (lambda fields: {**fields, "more": 1}, "other fields"),
        (lambda fields: {key: fields[key] for key in fields if key != "uri"}, "other fields"),
        (lambda fields: fields | {"instance": UUID.replace("1", "2")}, "another guest's"),
        (lambda fields: fields | {"nova": "33.0.2"}, "another release of Nova"),
        (lambda fields: fields | {"phase": "elsewhere"}, "phase is not known"),
        (lambda fields: fields | {"migration": True}, "migration is of the wrong kind"),
        (lambda fields: fields | {"migrate_data": None}, "migrate_data is of the wrong kind"),
        (lambda fields: [fields], "another release of libvirt-migrate"),
        (lambda fields: None, "another release of libvirt-migrate"),
    ],
)
def test_another_is_not_used(store: Store, tmp_path: Path, change: Change, why: str) -> None:
    store.write(journal())
    fields = json.loads(file_of(tmp_path).read_text())
    file_of(tmp_path).write_text(json.dumps(change(fields)))
    with pytest.raises(BadJournal, match=why):
        store.read(UUID, "34.0.0")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"\x00" * 4096])
def test_no_journal_at_all(store: Store, tmp_path: Path, content: bytes) -> None:
    store.write(journal())
    file_of(tmp_path).write_bytes(content)
    with pytest.raises(BadJournal):
        store.read(UUID, "34.0.0")


def test_a_folder_in_its_place(store: Store, tmp_path: Path) -> None:
    file_of(tmp_path).mkdir(parents=True)
    with pytest.raises(BadJournal, match="cannot be read"):
        store.read(UUID, "34.0.0")
