"""Data in the clear to a public address gets a warning, once."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from helpers.migrating import MigratingDomain
from libvirt_migrate import Guest, MigrateFlags, _dispatch

PLAIN = MigrateFlags.LIVE | MigrateFlags.PEER2PEER


@pytest.fixture(autouse=True)
def nothing_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dispatch, "_exposed", set())


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def migrate(destination: str, params: dict[str, Any] | None = None, flags: MigrateFlags = PLAIN) -> None:
    domain = MigratingDomain()
    domain.end()
    Guest(domain).migrate(params or {}, destination=destination, flags=flags)


def test_once_for_each_address(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        migrate("qemu+tls://root:hunter2@8.8.8.8/system")
    (one,) = warnings(caplog)
    assert "unencrypted to 8.8.8.8" in one
    assert "hunter2" not in one
    assert caplog.records[-1].name == "libvirt_migrate"
    # Another way to the same address is the same news; another address is not.
    migrate("qemu+ssh://10.0.0.1/system", {"migrate_uri": "tcp://8.8.8.8:49152"})
    assert len(warnings(caplog)) == 1
    migrate("qemu+ssh://10.0.0.1/system", {"migrate_uri": "tcp://[2606:4700::1111]"})
    assert "unencrypted to 2606:4700::1111" in warnings(caplog)[1]


def test_start_migration_warns_too(caplog: pytest.LogCaptureFixture) -> None:
    domain = MigratingDomain()
    migration = Guest(domain).start_migration({}, destination="qemu+tcp://9.9.9.9/system", flags=PLAIN)
    domain.end()
    migration.result()
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    ("destination", "flags"),
    [
        ("qemu+tcp://10.1.2.3/system", PLAIN),
        ("qemu+tcp://[fd00::2]/system", PLAIN),
        ("qemu+tcp://host2.example.org/system", PLAIN),
        ("qemu+tcp://8.8.8.8/system", PLAIN | MigrateFlags.TLS),
        ("qemu+tcp://8.8.8.8/system", PLAIN | MigrateFlags.TUNNELLED),
    ],
)
def test_nothing_to_warn_of(destination: str, flags: MigrateFlags, caplog: pytest.LogCaptureFixture) -> None:
    migrate(destination, flags=flags)
    assert warnings(caplog) == []
